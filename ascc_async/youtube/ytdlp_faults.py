"""yt-dlp's network errors, boiled down to our kinds. Runs in the slot's process."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

from yt_dlp.networking.exceptions import (
    CertificateVerifyError,
    HTTPError,
    IncompleteRead,
    ProxyError,
    RequestError,
)

from ascc_async.errors import NetworkFaultKind

# What only shows in the words of a library underneath, first match counts.
_BY_WORDS: tuple[tuple[tuple[str, ...], NetworkFaultKind], ...] = (
    (("certificate_verify_failed", "certificate verify failed"), "certificate"),
    (("timed out", "timeout"), "timeout"),
    (("name or service not known", "name resolution", "nodename nor servname"), "dns"),
    (("refused", "unreachable", "failed to establish", "no route"), "connect"),
    (("incompleteread", "incomplete read"), "short_body"),
    (("reset", "remotedisconnected", "remote end closed", "broken pipe", "eof occurred"), "reset"),
)
_PROXY_REFUSES = ("407", "authentication", "authenticate", "username")
# The proxy is there, what lies behind it is not.
_BEHIND_PROXY = (
    "tunnel connection failed: 5",
    "general socks server failure",
    "not allowed by ruleset",
    "network unreachable",
    "host unreachable",
    "ttl expired",
)


def fault_in(error: BaseException) -> NetworkFaultKind | None:
    """The kind of network fault at the root of `error`; None when it is not one."""
    chain = list(_chain(error))
    if any(isinstance(link, HTTPError) for link in chain):
        return None
    if not any(isinstance(link, RequestError) for link in chain):
        return None
    return _by_class(chain) or _by_words(chain) or "other"


def _by_class(chain: list[BaseException]) -> NetworkFaultKind | None:
    if any(isinstance(link, ProxyError) for link in chain):
        return _proxy_fault(_words(chain))
    if any(
        isinstance(link, CertificateVerifyError | ssl.SSLCertVerificationError) for link in chain
    ):
        return "certificate"
    if any(isinstance(link, IncompleteRead) for link in chain):
        return "short_body"
    if any(isinstance(link, socket.gaierror) for link in chain):
        return "dns"
    return None


def _proxy_fault(words: str) -> NetworkFaultKind:
    if any(sign in words for sign in _PROXY_REFUSES):
        return "proxy_auth"
    return "connect" if any(sign in words for sign in _BEHIND_PROXY) else "proxy"


def _by_words(chain: list[BaseException]) -> NetworkFaultKind | None:
    words = _words(chain)
    kind = next((kind for signs, kind in _BY_WORDS if any(s in words for s in signs)), None)
    # With SOCKS, yt-dlp itself dials the proxy: what is refused then is the proxy's address.
    return "proxy" if kind == "connect" and "sockshttp" in words else kind


def _words(chain: list[BaseException]) -> str:
    return " ".join(f"{type(link).__name__} {link}" for link in chain).lower()


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and all that lies beneath it, each once: causes, contexts, wrapped arguments."""
    waiting, seen = [error], set[int]()
    while waiting:
        link = waiting.pop(0)
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        beneath = (link.__cause__, link.__context__, getattr(link, "cause", None), *link.args)
        waiting += [part for part in beneath if isinstance(part, BaseException)]
