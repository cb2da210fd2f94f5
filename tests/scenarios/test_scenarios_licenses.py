"""The license sweep through the real command: changed pages, masks, keys, languages, other days."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from scenario import Place, edited, timeless, wrong

from ascc_async.standin.process import StandinProcess
from benchmarks.chaos_run import Job
from tests.expected import expected

GOOD, OTHER, BAD = "AIzaGoodGoodGoodGood1111", "AIzaOtherOtherOther2222", "NoKeyAtAllNoKeyAtAll9999"
FEW = "audioset.splits=[eval]"


def having(place: Place, *settings: str) -> Place:
    return replace(place, settings=(*place.settings, *settings))


def changing_after(job: Job, youtube: StandinProcess, requests: int, **pages: object) -> int:
    """One leg in which the pages change once so many requests were sent; its exit code."""
    changed = False

    def now() -> bool:
        nonlocal changed
        if not changed and job.requests() >= requests:
            youtube.set_pages(**pages)
            changed = True
        return False

    return job.leg(now)


@pytest.mark.parametrize("goes_on", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_page_that_changes_on_the_way_makes_no_wrong_license(
    calm: StandinProcess, tmp_path: Path, goes_on: bool
) -> None:
    """The license row goes in the middle of the sweep: both sources lose their trust, loudly, and
    nothing shareable is called standard; once it is back the job ends as if nothing had been.
    """
    calm.set(delay_seconds=0.03)
    job = Job(tmp_path, calm, "concurrency.licenses=4")
    assert changing_after(job, calm, 40, license_row="gone") == 1
    assert "license source misreads videos whose license is known" in job.ends.said
    assert "No license source is left" in job.ends.said
    assert "pip install --upgrade" in job.ends.said
    for row in job.place.manifest():
        truth = expected(calm.world, row["video_id"], int(row["segment_id"].rsplit("_", 1)[1]))
        assert row["license"] in ("", "unknown", truth.license.value), row
    if goes_on:
        calm.set(delay_seconds=0)
        calm.set_pages(license_row="there")
        assert job.leg() == 0, job.ends.said
        assert wrong(job.place.manifest(), calm.world) == []


@pytest.mark.slow
def test_the_next_source_takes_over_from_one_that_cannot_be_trusted(
    calm: StandinProcess, tmp_path: Path
) -> None:
    """Pages without the row, a key for the Data API: the run ends with every license right."""
    calm.set(delay_seconds=0.03)
    sources = "license.sources=[innertube,data_api]"
    job = Job(tmp_path, calm, sources, f"license.api_keys=[{GOOD}]", "concurrency.licenses=4")
    assert changing_after(job, calm, 40, license_row="gone") == 0, job.ends.said
    assert "license source misreads videos whose license is known" in job.ends.said
    rows = job.place.manifest()
    assert {row["license_source"] for row in rows if row["license"] == "standard"} == {"data_api"}
    licenses = {row["video_id"]: row["license"] for row in rows}
    truth = {one: expected(calm.world, one, 0).license.value for one in licenses}
    # The Data API tells a license where the page hides it; nothing else may differ.
    differing = {one for one in licenses if licenses[one] != truth[one]}
    assert {truth[one] for one in differing} <= {"unknown"}


@pytest.mark.slow
@pytest.mark.parametrize("mask", ["refused", "ignored"])
def test_without_a_mask_it_goes_on_and_says_so_once(
    place: Place, calm: StandinProcess, mask: str
) -> None:
    """Every license right all the same."""
    calm.set_pages(mask=mask, kilobytes=60)
    few = having(place, FEW)
    code, said = few.run()
    assert code == 0, said
    lines = [line for line in said.splitlines() if "no compact answers" in line]
    # At most once for each endpoint and spelling, not for each video.
    assert 1 <= len(lines) <= 4, said
    assert any("using full pages" in line for line in lines)
    assert wrong(few.manifest(), calm.world) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    ["Creative-Commons-Lizenz mit Quellenangabe (Wiederverwendung erlaubt)",
     "クリエイティブ・コモンズの表示ライセンス（再利用を許可する）",
     "Creative Commons Attribution licence (reuse allowed)"],
)  # fmt: skip
def test_other_words_for_the_license_are_read_and_kept(
    place: Place, calm: StandinProcess, words: str
) -> None:
    """The link decides; the text is evidence."""
    calm.set_pages(license_text=words)
    few = having(place, FEW)
    code, said = few.run()
    assert code == 0, said
    rows = few.manifest()
    assert wrong(rows, calm.world) == []
    seen = {row["license_text"] for row in rows if row["license"] == "creative_commons"}
    assert seen == {words}


@pytest.mark.slow
def test_keys_that_are_wrong_or_used_up_are_named_by_their_end(
    place: Place, calm: StandinProcess
) -> None:
    """A wrong key is set aside, a used-up one rests till midnight Pacific, also after a restart;
    the next source goes on.
    """
    calm.set(data_api={"keys": [GOOD, OTHER], "quota": 1})
    keys = {"ASCC_LICENSE__API_KEYS": f'["{BAD}", "{GOOD}", "{OTHER}"]'}
    mine = replace(having(place, "license.recheck_after_days=30"), environment=keys)
    code, said = mine.run()
    assert code == 0, said
    for key in (BAD, GOOD, OTHER):
        assert key not in said
        assert f"…{key[-4:]}" in said
    used = {v for line in calm.requests("data_api") for v in line.get("videos", ())}
    assert used
    rows = mine.manifest()
    assert {"data_api", "innertube"} <= {row["license_source"] for row in rows}
    assert {row["license"] for row in rows if row["video_id"] in used} >= {"standard"}
    with edited(mine.output) as journal:
        journal.execute("DELETE FROM answers WHERE license = 'standard'")
    counted = len(calm.requests("data_api"))
    code, said = mine.run()
    assert code == 0, said
    # Used up today: only the wrong key, which may have been mended, is tried again.
    assert len(calm.requests("data_api")) - counted <= 1
    assert timeless(mine.manifest())


def test_without_any_source_left_it_says_what_to_do(place: Place, calm: StandinProcess) -> None:
    """Only wrong keys: exit 1, the reason, the remedy; nothing is called anything."""
    calm.set(data_api={"keys": [GOOD]})
    only = replace(
        having(place, "license.sources=[data_api]", FEW),
        environment={"ASCC_LICENSE__API_KEYS": f'["{BAD}"]'},
    )
    code, said = only.run()
    assert code == 1
    for words in ("No license source is left", "…9999", "ASCC_LICENSE__API_KEYS", "innertube"):
        assert words in said, said
    assert BAD not in said
    assert {row["license"] for row in only.manifest()} == {""}


@pytest.mark.slow
def test_a_license_that_changed_takes_its_clip_out(tmp_path: Path, calm: StandinProcess) -> None:
    """On a later day: recorded as changed, out of the dataset, the file set aside and not lost."""
    job = Job(tmp_path, calm)
    assert job.leg() == 0, job.ends.said
    before = {row["segment_id"]: row for row in job.place.manifest() if row["outcome"] == "clip"}
    with edited(job.output) as journal:
        journal.execute("UPDATE answers SET checked_at = checked_at - 40 * 86400")
    calm.set(licenses_changed=True)
    assert job.leg() == 0, job.ends.said
    rows = {row["segment_id"]: row for row in job.place.manifest()}
    changed = {one for one in before if rows[one]["reason"] == "license_changed"}
    assert changed == {
        one for one in before if calm.world.video(one[:11]).kind == "license_changed"
    }
    assert changed
    for one in changed:
        assert rows[one]["outcome"] == "not_shareable"
        path = before[one]["path"]
        assert not (job.output / path).exists()
        assert (job.output / path.replace("clips/", "clips/withdrawn/")).exists()
    kept = set(before) - changed
    assert {one for one in rows if rows[one]["outcome"] == "clip"} == kept
