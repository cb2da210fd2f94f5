"""The checks of `doctor` of what an extra brings: a cluster's machines, addresses to notify."""

from __future__ import annotations

import asyncio
import importlib.util
import time
from collections.abc import Iterator

from ascc_async.commands.doctor_checks import Check, failed, passed, warning
from ascc_async.errors import SettingsError, SetupError
from ascc_async.progress.notify import Notifier
from ascc_async.progress.notify_sender import Message
from ascc_async.settings import Settings

_MACHINES, _NOTIFY = "machines", "notify"
_TEST = Message(
    "ascc_async test",
    "Messages arrive: this is the test of `doctor --online --notify`, and nothing is to be done.",
    "info",
)


def machine_checks(settings: Settings) -> Iterator[Check]:
    """The scheduler, and every worker as a run would meet it; nothing without an engine."""
    if settings.cluster.engine is None:
        return
    if importlib.util.find_spec("distributed") is None:
        yield failed(_MACHINES, "Dask is not installed", "pip install 'ascc-async[cluster]'")
        return
    from ascc_async.cluster.engine import greetings, scheduler_address
    from ascc_async.cluster.machine import Machine, take_name, unfit, why_it_fails

    try:
        address = scheduler_address(settings.cluster)
        if address is None:
            yield passed(_MACHINES, "no scheduler: workers on this machine, one for each identity")
            return
        told = asyncio.run(greetings(settings.cluster, address))
    except (SettingsError, SetupError) as error:
        yield failed(_MACHINES, str(error))
        return
    except (OSError, TimeoutError) as error:
        remedy = "start `dask scheduler` (docs/machines.md), or correct cluster.scheduler"
        yield failed(_MACHINES, f"no Dask scheduler answers ({error})", remedy)
        return
    if not told:
        yield warning(
            _MACHINES,
            f"no worker at {address} yet",
            "start `dask worker --no-nanny` on each machine",
        )
    known: dict[str, Machine] = {}
    for key, name, facts in told:
        machine, lost = Machine(key, name), isinstance(facts, Exception)
        take_name(machine, machine.address if lost else facts["host"], known, {})
        which = f"{machine} ({machine.address})"
        if isinstance(facts, (OSError, TimeoutError)):
            yield warning(_MACHINES, f"{which}: {facts}", "see whether it is suspended or cut off")
        elif lost:
            remedy = "install the same version of ascc_async there"
            yield warning(_MACHINES, f"{which} is left out: {why_it_fails(facts)}", remedy)
        elif why := unfit(facts, time.time(), insecure=settings.cluster.insecure):
            yield warning(_MACHINES, f"{which} is left out: {why}", "mend that")
        else:
            yield passed(_MACHINES, f"{which}: {facts['tools']}")


def notify_checks(settings: Settings, *, test: bool) -> Iterator[Check]:
    """Whether apprise knows the addresses, and with `test` whether each takes a message."""
    notifier, urls = Notifier(settings.notify, settings.output.dir), settings.notify.urls
    if not urls:
        if test:
            yield warning(_NOTIFY, "no address in notify.urls", "docs/running.md says how")
        return
    try:
        asyncio.run(notifier.check())
    except SettingsError as error:
        yield failed(_NOTIFY, str(error))
        return
    if not test:
        yield passed(_NOTIFY, f"addresses that apprise knows: {len(urls)}")
        return
    why_not = dict(asyncio.run(notifier.send_all(_TEST)))
    for number, url in enumerate(urls, 1):
        which = f"address {number} of {len(urls)}"
        scheme = url.get_secret_value().partition("://")[0]  # apprise knows it
        if which in why_not:
            remedy = "correct it, or look at that service; the run itself needs none"
            yield warning(_NOTIFY, f"{which} ({scheme}): {why_not[which]}", remedy)
        else:
            yield passed(_NOTIFY, f"{which} ({scheme}): the test was taken")
