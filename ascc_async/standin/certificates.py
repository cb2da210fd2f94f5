"""The stand-in's own certificate authority and its one certificate for every host it plays."""

from __future__ import annotations

import ssl
from fnmatch import fnmatch
from pathlib import Path

import trustme

HOSTS = (
    "youtube.com", "*.youtube.com", "*.youtube-nocookie.com", "youtubei.googleapis.com",
    "youtube.googleapis.com", "www.googleapis.com", "storage.googleapis.com",
    "jnn-pa.googleapis.com", "*.googlevideo.com", "*.c.youtube.com", "www.google.com",
    "accounts.google.com", "consent.google.com", "i.ytimg.com", "s.ytimg.com",
    "raw.githubusercontent.com",
)  # fmt: skip


def is_played(host: str) -> bool:
    """Whether the stand-in plays this host; any other is out of reach."""
    return any(fnmatch(host.lower(), pattern) for pattern in HOSTS)


def ca_file(folder: Path) -> Path:
    """Where the authority's certificate stands."""
    return folder / "standin-ca.pem"


def server_context(folder: Path) -> ssl.SSLContext:
    """TLS as the server; makes authority and certificate where `folder` has none yet."""
    chain = folder / "standin-server.pem"
    if not chain.exists():
        authority = trustme.CA(organization_name="ascc_async stand-in")
        authority.cert_pem.write_to_path(str(ca_file(folder)))
        leaf = authority.issue_cert(*HOSTS, "localhost", "127.0.0.1")
        leaf.private_key_and_cert_chain_pem.write_to_path(str(chain))
        chain.chmod(0o600)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    context.set_alpn_protocols(["http/1.1"])
    return context
