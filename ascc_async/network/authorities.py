"""The certificate authorities yt-dlp is to trust, as one file."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import certifi

from ascc_async.errors import SetupError


def join_authorities(ca_file: Path, target: Path) -> Path:
    """Write the system's authorities (certifi's where it has none) and `ca_file`'s to `target`.

    OpenSSL takes one file from `SSL_CERT_FILE`, which replaces the system's: so both go in.
    Raises SetupError when `ca_file` is unreadable or holds no certificate.
    """
    ours = _read(ca_file)
    system = _system_file().read_bytes()
    target.write_bytes(system.rstrip() + b"\n" + ours)
    return target


def _read(ca_file: Path) -> bytes:
    try:
        content = ca_file.read_bytes()
    except OSError as error:
        raise SetupError(f"network.ca_file: cannot read {ca_file}: {error.strerror}") from error
    if b"-----BEGIN" not in content:
        raise SetupError(
            f"network.ca_file: {ca_file} holds no certificate; it must be a PEM file"
            " (lines of -----BEGIN CERTIFICATE-----)"
        )
    return content


def _system_file() -> Path:
    paths = ssl.get_default_verify_paths()
    # `cafile` already follows SSL_CERT_FILE, and is None where there is no such file.
    if paths.cafile and os.path.getsize(paths.cafile) > 0:
        return Path(paths.cafile)
    return Path(certifi.where())
