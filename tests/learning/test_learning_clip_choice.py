"""No video, channel or sound is in two parts, and every clip left out says why."""

from __future__ import annotations

from ascc_async.learning.clip_choice import Candidate, choose, why_no_candidate

PARTS = {"dog": "train", "cat": "train", "crow": "val", "rain": "test"}


def clip(name: str, mid: str, video: str = "", channel: str = "", sound: str = "") -> Candidate:
    keys = {"video": video or name, "channel": channel or name, "sound": sound or name}
    return Candidate(name, mid, keys)


def test_test_comes_before_validation_and_that_before_training() -> None:
    """What two parts want is used in the first of them."""
    choice = choose(
        [
            clip("a", "dog", channel="C"), clip("b", "crow", channel="C"),
            clip("c", "crow", sound="S"), clip("d", "rain", sound="S"),
            clip("e", "dog", video="V"), clip("f", "crow", video="V"),
        ],
        PARTS, 1,
    )  # fmt: skip
    assert choice.why_not == {
        "a": "channel_elsewhere", "b": "", "c": "same_sound", "d": "", "e": "video_elsewhere",
        "f": "",
    }  # fmt: skip
    assert choice.used == 3


def test_within_a_part_channels_may_repeat_and_sounds_may_not() -> None:
    """Two copies of a sound would be support and query of one episode."""
    choice = choose(
        [clip("a", "dog", channel="C", sound="S"), clip("b", "cat", channel="C", sound="S")],
        PARTS, 1,
    )  # fmt: skip
    assert choice.why_not == {"a": "", "b": "same_sound"}


def test_what_a_part_does_not_use_is_in_nobodys_way() -> None:
    """A class that is not kept gives its channels back."""
    choice = choose(
        [clip("a", "rain", channel="C"), clip("b", "dog", channel="C"), clip("c", "dog")], PARTS, 2
    )
    assert choice.why_not == {"a": "too_few", "b": "", "c": ""}
    assert (choice.kept, choice.usable) == ({"dog"}, {"rain": 1, "dog": 2})


def test_only_what_is_named_is_kept_apart() -> None:
    """A candidate without a key is not held back by it."""
    candidates = [clip(name, mid, channel="C")._replace(keys={}) for name, mid in
                  (("a", "dog"), ("b", "rain"))]  # fmt: skip
    assert choose(candidates, PARTS, 1).used == 2


def test_a_clip_needs_one_class_and_no_more() -> None:
    """None, several in one part, in several parts: each has its name."""
    whys = [
        why_no_candidate(hits, PARTS) for hits in ([], ["dog"], ["cat", "dog"], ["cat", "crow"])
    ]
    assert whys == ["no_class", "", "several_classes", "other_part"]
