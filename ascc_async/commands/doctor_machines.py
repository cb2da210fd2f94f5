"""The check of `doctor` that asks the machines of a cluster."""

from __future__ import annotations

import asyncio
import importlib.util
import time
from collections.abc import Iterator

from ascc_async.commands.doctor_checks import Check, failed, passed, warning
from ascc_async.errors import SettingsError, SetupError
from ascc_async.settings import Settings

_NAME = "machines"


def machine_checks(settings: Settings) -> Iterator[Check]:
    """The scheduler, and every worker as a run would meet it; nothing without an engine."""
    if settings.cluster.engine is None:
        return
    if importlib.util.find_spec("distributed") is None:
        yield failed(_NAME, "Dask is not installed", "pip install 'ascc-async[cluster]'")
        return
    from ascc_async.cluster.engine import greetings, scheduler_address
    from ascc_async.cluster.machine import Machine, take_name, unfit

    try:
        address = scheduler_address(settings.cluster)
        if address is None:
            yield passed(_NAME, "no scheduler: workers on this machine, one for each identity")
            return
        told = asyncio.run(greetings(settings.cluster, address))
    except (SettingsError, SetupError) as error:
        yield failed(_NAME, str(error))
        return
    except (OSError, TimeoutError) as error:
        remedy = "start `dask scheduler` (docs/machines.md), or correct cluster.scheduler"
        yield failed(_NAME, f"no Dask scheduler answers ({error})", remedy)
        return
    if not told:
        yield warning(_NAME, f"no worker at {address} yet", "start `dask worker` on each machine")
    known: dict[str, Machine] = {}
    for key, name, facts in told:
        machine, lost = Machine(key, name), isinstance(facts, Exception)
        take_name(machine, machine.address if lost else facts["host"], known, {})
        which = f"{machine} ({machine.address})"
        if isinstance(facts, (OSError, TimeoutError)):
            yield warning(_NAME, f"{which}: {facts}", "see whether it is suspended or cut off")
        elif lost:
            yield warning(_NAME, f"{which} is left out: {facts}", "install ascc_async there")
        elif why := unfit(facts, time.time(), insecure=settings.cluster.insecure):
            yield warning(_NAME, f"{which} is left out: {why}", "mend that")
        else:
            yield passed(_NAME, f"{which}: {facts['tools']}")
