"""`max_per_class` through the real command: the same clips whatever happens on the way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ascc_async.audioset.catalog import read_catalog
from ascc_async.audioset.sampling import RowState, Sampler, spare
from ascc_async.audioset.selection import select
from ascc_async.model import License, Outcome
from ascc_async.settings import AudiosetSettings, ClassesSettings, SamplingSettings
from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world import World
from benchmarks.chaos_run import Job
from tests.expected import expected

LIMIT, SEED = 2, 11
SAMPLED = (f"sampling.max_per_class={LIMIT}", f"sampling.seed={SEED}", "license.retry_unknown=0")


def clips(job: Job) -> set[str]:
    """The segments whose clips count."""
    return {row["segment_id"] for row in job.place.manifest() if row["outcome"] == "clip"}


def asked(job: Job) -> set[str]:
    """The videos whose license was asked, the known ones aside."""
    world = job.youtube.settings
    known = {*world.known_creative_commons, *world.known_standard}
    return {v for line in job.youtube.requests("next") for v in line.get("videos", ())} - known


def one_by_one(metadata: Path, world: World) -> tuple[set[str], set[str]]:
    """The clips, and the videos that had to be asked, if each answer were awaited before the next
    question: no way that knows nothing beforehand asks fewer.
    """
    catalog = read_catalog(AudiosetSettings(metadata_dir=metadata))
    sampling = SamplingSettings(max_per_class=LIMIT, seed=SEED)
    selection = select(catalog, ClassesSettings(), sampling)
    states = np.zeros(len(catalog.segments), np.uint8)
    sampler = Sampler(selection, states)
    questions = set()
    while len(rows := sampler.next(1)):
        segment = catalog.segments.segment(int(rows[0]))
        questions.add(segment.video_id)
        truth = expected(world, segment.video_id, segment.start_ms)
        state = RowState.NO
        if truth.license is License.CREATIVE_COMMONS:
            # Of a video that YouTube did not explain the end is open: it keeps its place.
            states_of = {Outcome.CLIP: RowState.CLIP, Outcome.PENDING: RowState.APPROVED}
            state = states_of.get(truth.outcome, RowState.NO)
        sampler.settle(rows, state)
    spares = spare(selection, states)
    found = {
        catalog.segments.segment_id(row)
        for row in np.flatnonzero((states == RowState.CLIP) & ~spares).tolist()
    }
    return found, questions


@pytest.mark.slow
def test_the_sample_is_that_of_one_question_at_a_time(calm: StandinProcess, tmp_path: Path) -> None:
    """With 32 questions at once: the same clips, few questions more."""
    job = Job(tmp_path, calm, *SAMPLED, "concurrency.licenses=32")
    assert job.leg() == 0, job.ends.said
    expected, least = one_by_one(tmp_path / "metadata", calm.world)
    assert clips(job) == expected
    # One a class is asked ahead while answers are awaited, but never all of a class.
    assert len(asked(job)) <= 1.3 * len(least) + 4
    assert len(least) < 0.9 * len(calm.world.videos)


@pytest.mark.slow
def test_an_interruption_changes_nothing(calm: StandinProcess, tmp_path: Path) -> None:
    """Killed on the way: the same clips, nothing asked twice."""
    job = Job(tmp_path, calm, *SAMPLED, "concurrency.licenses=32")
    assert job.leg(job.after(25)) == -9
    first = asked(job)
    assert job.leg() == 0, job.ends.said
    expected, least = one_by_one(tmp_path / "metadata", calm.world)
    assert clips(job) == expected
    assert job.ends.repeated == []
    assert len(first | asked(job)) <= 1.3 * len(least) + 4


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 32])
def test_it_does_not_depend_on_concurrency(
    calm: StandinProcess, tmp_path: Path, workers: int
) -> None:
    """Nor on the order in which answers come: some are slow."""
    calm.set(delay_seconds=0.02)
    job = Job(tmp_path, calm, *SAMPLED, f"concurrency.licenses={workers}")
    assert job.leg() == 0, job.ends.said
    expected, least = one_by_one(tmp_path / "metadata", calm.world)
    assert clips(job) == expected
    assert len(asked(job)) <= 1.3 * len(least) + 4
    spare = {row["segment_id"] for row in job.place.manifest() if row["outcome"] == "spare"}
    assert not spare & expected
