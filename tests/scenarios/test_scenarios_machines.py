"""Many machines through the real command."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from scenario import Place, wrong

from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import ProxyListener, WorldSettings

PAGE = (Path(__file__).parents[2] / "docs/machines.md").read_text(encoding="utf-8")
TUNNELS = ("socks5://127.0.0.1:1081", "socks5://127.0.0.1:1082")


@pytest.mark.slow
def test_tunnels_carry_the_job_with_the_settings_of_the_docs(tmp_path: Path) -> None:
    """The very lines of docs/machines.md: license requests, yt-dlp's and media take both ways."""
    (lines,) = re.findall(r"^( *network:\n.*?) *```", PAGE, re.MULTILINE | re.DOTALL)
    ways = tuple(ProxyListener(name=name, scheme="socks5") for name in ("node1", "node2"))
    with StandinProcess(WorldSettings(seed=5, videos=24, listeners=ways)) as youtube:
        for tunnel, proxy in zip(TUNNELS, youtube.proxies.values(), strict=True):
            assert tunnel in lines
            lines = lines.replace(tunnel, proxy)
        network = yaml.safe_load(lines)["network"] | {"ca_file": str(youtube.ca_file)}
        (tmp_path / "settings.yaml").write_text(yaml.safe_dump({"network": network}))
        place = Place(tmp_path / "out", (f"audioset.metadata_dir={tmp_path / 'metadata'}",))
        code, said = place.run()
        assert code == 0, said
        assert wrong(place.manifest(), youtube.world, second_look=True) == []
        seen = {(line["listener"], line["endpoint"]) for line in youtube.requests()}
    for way in ("node1", "node2"):
        assert {(way, "next"), (way, "player"), (way, "media")} <= seen
