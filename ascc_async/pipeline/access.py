"""As whom YouTube is asked. When that changed, what was barred before may be open now."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Protocol

from ascc_async.journal.reader import Reader
from ascc_async.journal.records import Learned
from ascc_async.settings import NetworkSettings, without_password

_KEY = "access"


class Jar(Protocol):
    """An identity's cookies."""

    @property
    def signed_in(self) -> bool: ...


def access_since(
    reader: Reader, network: NetworkSettings, jars: Mapping[str, Jar], now: float
) -> Learned:
    """Since when (POSIX time) YouTube is asked with these accounts and proxies; to be recorded.

    0 for the accounts and proxies of the first run. Nothing in it tells an address or a cookie.
    """
    means = sorted(
        f"{one.name} {_digest(without_password(one.proxy))} {_signed_in(jars.get(one.name))}"
        for one in network.all_identities()
    )
    before = reader.learned(_KEY).get("")
    if isinstance(before, dict) and before.get("means") == means:
        return Learned(_KEY, before)
    return Learned(_KEY, {"means": means, "since": 0.0 if before is None else now})


def _digest(proxy: str | None) -> str:
    return hashlib.sha256(proxy.encode()).hexdigest()[:16] if proxy else "direct"


def _signed_in(jar: Jar | None) -> str:
    return "signed in" if jar is not None and jar.signed_in else "guest"
