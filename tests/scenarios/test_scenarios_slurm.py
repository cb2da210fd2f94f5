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
from test_scenarios_cluster import DOORS, asked_again, place

from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import WorldSettings

pytestmark = pytest.mark.slow
SLURM = Path(__file__).with_name("throwaway_slurm.sh")
PAGE = (Path(__file__).parents[2] / "docs/machines.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where Debian's packages are unpacked."""
    if "SLURM_ROOT" in os.environ:
        return os.environ["SLURM_ROOT"]
    folder = tmp_path_factory.mktemp("slurm") / "root"
    got = subprocess.run(["bash", SLURM, "unpack", folder], capture_output=True, text=True)
    if got.returncode != 0:
        pytest.skip(f"no SLURM: apt-get gives none here, and SLURM_ROOT is not set ({got.stderr})")
    return str(folder)


@pytest.fixture
def slurm(tmp_path: Path, root: str) -> Iterator[dict[str, str]]:
    """The environment in which `sbatch` reaches a SLURM with four nodes."""
    folder, environment = tmp_path / "slurm", os.environ | {"SLURM_ROOT": root}
    try:
        said = subprocess.run(
            ["bash", SLURM, "start", folder, "4"], env=environment,
            capture_output=True, text=True, timeout=60, check=True,
        ).stdout  # fmt: skip
        env = subprocess.run(
            ["bash", "-c", f"{said.splitlines()[-1]}; env -0"],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        yield dict(line.split("=", 1) for line in env.split("\0") if "=" in line)
    finally:
        subprocess.run(
            ["bash", SLURM, "stop", folder], env=environment, capture_output=True, timeout=60
        )


def clips(place: Place) -> dict[str, str]:
    return {row["segment_id"]: row["sha256"] for row in place.manifest() if row["sha256"]}


def test_the_script_of_the_docs_works_through_kills_and_requeues(
    slurm: dict[str, str], tmp_path: Path
) -> None:
    """One task is cancelled on the way, one requeued, one preempted (SIGTERM, then SIGKILL): the
    same clips, and only what they had in hand is asked again.
    """
    with StandinProcess(WorldSettings(seed=5, videos=60, listeners=DOORS)) as youtube:
        for name in ("alone", "many"):
            (tmp_path / name).mkdir()
        alone = place(tmp_path / "alone", youtube)
        assert alone.run()[0] == 0
        here_alone = ("cluster.in_flight=4", "cluster.insecure=true")
        many = place(tmp_path / "many", youtube, *here_alone)
        youtube.set(delay_seconds=0.5)
        with DaskCluster(tmp_path / "dask", youtube, names={}) as cluster:
            (script,) = re.findall(r"^(#!/bin/bash\n.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
            submitted = tmp_path / "worker.sh"
            submitted.write_text(script)
            (tmp_path / "ways.txt").write_text(
                "\n".join([*youtube.proxies.values(), youtube.proxy])
            )
            environment = slurm | {
                "ASCC_NETWORK__CA_FILE": str(youtube.ca_file), "LONGEST_PAUSE": "1",
                "SCHEDULER_FILE": str(cluster.file), "ASCC_CONCURRENCY__EXTRACTIONS": "1",
            }  # fmt: skip

            def call(*command: str) -> str:
                return subprocess.run(
                    command, cwd=tmp_path, env=environment,
                    capture_output=True, text=True, timeout=30, check=True,
                ).stdout.strip()  # fmt: skip

            job = call("sbatch", "--parsable", "-c", "2", "--array=1-4", str(submitted))
            process = Place(many.output, (*many.settings, *cluster.settings)).start()

            def asked() -> int:
                return youtube.counters()["requests"].get("next", 0)

            wait_for(lambda: asked() > 25, 90)
            call("scancel", f"{job}_1")
            wait_for(lambda: asked() > 35, 90)
            call("scontrol", "requeue", f"{job}_2")
            wait_for(lambda: asked() > 45, 90)
            node = call("squeue", "-h", "-j", f"{job}_3", "-o", "%N")
            urgent = ("-p", "urgent", "-w", node, "-c", "2", "--wrap", "sleep 600")
            other = call("sbatch", "--parsable", *urgent)
            wait_for(lambda: call("squeue", "-h", "-j", other, "-o", "%T") == "RUNNING")
            youtube.set(delay_seconds=0)
            said, _ = process.communicate(timeout=200)
            states = call("squeue", "-h", "-j", f"{job},{other}", "-r", "-o", "%i %T").splitlines()
            call("scancel", job, other)
        assert process.returncode == 0, said
        assert f"{other} RUNNING" in states
        assert f"{job}_3 PENDING" in states  # in line again
        assert clips(many) == clips(alone)
        assert all(row["license"] for row in many.manifest())
        assert "is lost" in said
        assert len(asked_again(youtube)) <= 3 * 4
