"""The checks of `doctor` of the addresses in `notify.urls`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from ascc_async.commands.doctor_checks import Check, failed, passed, warning
from ascc_async.errors import SettingsError
from ascc_async.progress.notify import Notifier
from ascc_async.progress.notify_sender import Message
from ascc_async.settings import Settings

_NAME = "notify"
_TEST = Message(
    "ascc_async test",
    "Messages arrive: this is the test of `doctor --online --notify`, and nothing is to be done.",
    "info",
)


def notify_checks(settings: Settings, *, test: bool) -> Iterator[Check]:
    """Whether apprise knows the addresses, and with `test` whether each takes a message."""
    notifier, urls = Notifier(settings.notify, settings.output.dir), settings.notify.urls
    if not urls:
        if test:
            yield warning(_NAME, "no address in notify.urls", "docs/running.md says how")
        return
    try:
        asyncio.run(notifier.check())
    except SettingsError as error:
        yield failed(_NAME, str(error))
        return
    if not test:
        yield passed(_NAME, f"addresses that apprise knows: {len(urls)}")
        return
    why_not = dict(asyncio.run(notifier.send_all(_TEST)))
    for number, url in enumerate(urls, 1):
        which = f"address {number} of {len(urls)}"
        scheme = url.get_secret_value().partition("://")[0]  # apprise knows it
        if which in why_not:
            remedy = "correct it, or look at that service; the run itself needs none"
            yield warning(_NAME, f"{which} ({scheme}): {why_not[which]}", remedy)
        else:
            yield passed(_NAME, f"{which} ({scheme}): the test was taken")
