"""yt-dlp's network errors, as kinds of ours."""

from __future__ import annotations

import socket
import ssl

import pytest
from yt_dlp.networking.exceptions import (
    CertificateVerifyError,
    IncompleteRead,
    ProxyError,
    RequestError,
    SSLError,
    TransportError,
)
from yt_dlp.utils import ExtractorError

from ascc_async.youtube.ytdlp_faults import fault_in

DIALLED = "SocksHTTPSConnection(host='www.youtube.com', port=443): Failed to establish a new"
KINDS: list[tuple[Exception, str]] = [
    (ProxyError("Unable to connect to proxy: [Errno 111] Connection refused"), "proxy"),
    (ProxyError("Tunnel connection failed: 407 Proxy Authentication Required"), "proxy_auth"),
    (ProxyError("unknown username or invalid password"), "proxy_auth"),
    (ProxyError("Tunnel connection failed: 502 Bad Gateway"), "connect"),
    (ProxyError("Host unreachable"), "connect"),
    (CertificateVerifyError("self-signed certificate in certificate chain"), "certificate"),
    (TransportError(cause=ssl.SSLCertVerificationError("expired")), "certificate"),
    (SSLError("EOF occurred in violation of protocol"), "reset"),
    (TransportError("Read timed out. (read timeout=30)"), "timeout"),
    (TransportError(cause=TimeoutError("timed out")), "timeout"),
    (TransportError(cause=socket.gaierror(-2, "Name or service not known")), "dns"),
    (TransportError("Failed to resolve 'www.youtube.com' (Temporary failure in name resolution)"),
     "dns"),
    (TransportError("[Errno 111] Connection refused"), "connect"),
    (TransportError("[Errno 101] Network is unreachable"), "connect"),
    (TransportError(f"{DIALLED} connection: [Errno 111] Connection refused"), "proxy"),
    (TransportError(cause=ConnectionResetError(104, "Connection reset by peer")), "reset"),
    (TransportError("('Connection aborted.', RemoteDisconnected('Remote end closed connection"
                    " without response'))"), "reset"),
    (IncompleteRead(partial=10, expected=90), "short_body"),
    (RequestError("no idea"), "other"),
]  # fmt: skip


@pytest.mark.parametrize(("error", "kind"), KINDS)
def test_every_error_of_the_network_has_a_kind(error: Exception, kind: str) -> None:
    """Bare, and inside the extractor's error."""
    assert fault_in(error) == kind
    assert fault_in(ExtractorError("Unable to download", cause=error)) == kind


def test_an_error_that_is_not_of_the_network_is_none() -> None:
    """A fault in yt-dlp is not one in the network, though it may speak of timeouts."""
    assert fault_in(KeyError("timed out")) is None
    assert fault_in(ExtractorError("Video unavailable", expected=True)) is None
