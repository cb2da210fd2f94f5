"""A real SLURM, thrown away afterwards: the script of docs/machines.md submitted by `sbatch`."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from dask_cluster import DaskCluster, wait_for
from scenario import Place
from test_scenarios_cluster import DOORS, place

from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import WorldSettings

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        "SLURM_ROOT" not in os.environ,
        reason="SLURM_ROOT names no folder with Debian's slurm packages unpacked"
        " (tests/scenarios/throwaway_slurm.sh says how)",
    ),
]
SLURM = Path(__file__).with_name("throwaway_slurm.sh")
PAGE = (Path(__file__).parents[2] / "docs/machines.md").read_text(encoding="utf-8")


@pytest.fixture
def slurm(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment in which `sbatch` reaches a SLURM with three nodes."""
    folder = tmp_path / "slurm"
    try:
        said = subprocess.run(
            ["bash", SLURM, "start", folder, "3"],
            capture_output=True, text=True, timeout=60, check=True,
        ).stdout  # fmt: skip
        env = subprocess.run(
            ["bash", "-c", f"{said.splitlines()[-1]}; env -0"],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        yield dict(line.split("=", 1) for line in env.split("\0") if "=" in line)
    finally:
        subprocess.run(["bash", SLURM, "stop", folder], capture_output=True, timeout=60)


def clips(place: Place) -> dict[str, str]:
    return {row["segment_id"]: row["sha256"] for row in place.manifest() if row["sha256"]}


def test_the_script_of_the_docs_works_through_kills_and_requeues(
    slurm: dict[str, str], tmp_path: Path
) -> None:
    """One task is cancelled and one requeued on the way: the same clips."""
    with StandinProcess(WorldSettings(seed=5, videos=40, listeners=DOORS)) as youtube:
        for name in ("alone", "many"):
            (tmp_path / name).mkdir()
        alone = place(tmp_path / "alone", youtube)
        assert alone.run()[0] == 0
        many = place(tmp_path / "many", youtube)
        youtube.set(delay_seconds=0.3)
        with DaskCluster(tmp_path / "dask", youtube, names={}) as cluster:
            (script,) = re.findall(r"^ *(#!/bin/bash\n.*?)^ *```", PAGE, re.MULTILINE | re.DOTALL)
            submitted = tmp_path / "worker.sh"
            submitted.write_text(re.sub(r"^ {3}", "", script, flags=re.MULTILINE))
            (tmp_path / "ways.txt").write_text("\n".join(youtube.proxies.values()))
            environment = slurm | {
                "ASCC_NETWORK__CA_FILE": str(youtube.ca_file), "LONGEST_PAUSE": "1",
                "SCHEDULER_FILE": str(cluster.file), "ASCC_CONCURRENCY__EXTRACTIONS": "1",
            }  # fmt: skip

            def call(*command: str) -> str:
                return subprocess.run(
                    command, cwd=tmp_path, env=environment,
                    capture_output=True, text=True, timeout=30, check=True,
                ).stdout  # fmt: skip

            job = call("sbatch", "--parsable", "--array=1-3", str(submitted)).strip()
            process = Place(many.output, (*many.settings, *cluster.settings)).start()
            wait_for(lambda: youtube.counters()["requests"].get("next", 0) > 25, 90)
            call("scancel", f"{job}_1")
            call("scontrol", "requeue", f"{job}_2")
            said, _ = process.communicate(timeout=150)
            call("scancel", job)
        assert process.returncode == 0, said
        assert clips(many) == clips(alone)
        assert all(row["license"] for row in many.manifest())
        assert "is lost" in said
