"""The checks of `doctor` on how YouTube is to be reached: cookies, proxies, keys. Asks nobody
but the proxies.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

from ascc_async.errors import SetupError
from ascc_async.network.cookies import load_cookies
from ascc_async.progress.check import Check, failed, passed, warning
from ascc_async.settings import IdentitySettings, LicenseSettings, Settings, without_password
from ascc_async.youtube.connections import trusted_authorities

_CONNECT_SECONDS = 5.0
_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_IS_IT_THERE = "is it running, and are host and port right?"
_GUEST = "none: asks as a guest, about a quarter of what an account is permitted"


def network_checks(settings: Settings) -> Iterator[Check]:
    """Identity by identity, then what all share."""
    for identity in settings.network.all_identities():
        yield _cookies(identity)
        yield _proxy(identity)
    if settings.network.ca_file is not None:
        yield _authority(settings)
    yield _keys(settings.license)


def _cookies(identity: IdentitySettings) -> Check:
    name = f"cookies of {identity.name}"
    if identity.cookies_file is None:
        return passed(name, _GUEST)
    try:
        jar = load_cookies(identity.cookies_file)
    except SetupError as error:
        return failed(name, str(error), "docs/cookies.md shows how, step by step")
    if jar.warnings:
        return warning(name, "; ".join(jar.warnings), "docs/cookies.md shows how, step by step")
    return passed(name, f"signed in ({identity.cookies_file})")


def _proxy(identity: IdentitySettings) -> Check:
    name = f"proxy of {identity.name}"
    if identity.proxy is None:
        return passed(name, "none: goes out directly")
    shown = without_password(identity.proxy)
    parts = urlsplit(identity.proxy)
    try:
        asyncio.run(_connect(parts.hostname or "", parts.port or _PORTS[parts.scheme]))
    except (OSError, TimeoutError) as error:
        why = getattr(error, "strerror", None) or "no answer"
        return failed(
            name, f"{shown} cannot be reached: {why}", "is it running, is the port right?"
        )
    return passed(name, f"{shown} takes connections")


async def _connect(host: str, port: int) -> None:
    async with asyncio.timeout(_CONNECT_SECONDS):
        _, writer = await asyncio.open_connection(host, port)
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


def _authority(settings: Settings) -> Check:
    try:
        trusted_authorities(settings.network.ca_file)
    except SetupError as error:
        return failed("ca_file", str(error))
    return passed("ca_file", f"{settings.network.ca_file} is trusted beside the system's")


def _keys(settings: LicenseSettings) -> Check:
    keys = len(settings.api_keys)
    if keys:
        return passed("Data API keys", f"{keys}, 50 licenses a request")
    if settings.sources == ("data_api",):
        return failed(
            "Data API keys",
            "none, and license.sources names no other source",
            "give one in ASCC_LICENSE__API_KEYS (docs/data-api.md), or name more sources",
        )
    return passed("Data API keys", "none: licenses are read page by page (docs/data-api.md)")
