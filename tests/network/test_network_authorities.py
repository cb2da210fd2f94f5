"""The file of authorities that yt-dlp trusts."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from ascc_async.errors import SetupError
from ascc_async.network.authorities import join_authorities


def test_ours_and_the_systems_are_both_trusted(tmp_path: Path) -> None:
    """The joined file holds one authority more than the system's."""
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ours.pem"))
    joined = join_authorities(tmp_path / "ours.pem", tmp_path / "joined.pem")
    both, alone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    both.load_verify_locations(joined)
    alone.load_verify_locations(tmp_path / "ours.pem")
    assert both.cert_store_stats()["x509_ca"] > 20
    assert alone.get_ca_certs()[0] in both.get_ca_certs()


@pytest.mark.parametrize("content", [None, b"", b"<html>no</html>"])
def test_a_file_without_a_certificate_is_named(tmp_path: Path, content: bytes | None) -> None:
    """Missing, empty, or something else."""
    ours = tmp_path / "ours.pem"
    if content is not None:
        ours.write_bytes(content)
    with pytest.raises(SetupError, match=r"network\.ca_file.*ours\.pem"):
        join_authorities(ours, tmp_path / "joined.pem")
