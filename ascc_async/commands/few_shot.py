"""`few-shot`: class splits for meta-learning, without leaks."""

from __future__ import annotations

import argparse
from collections import Counter
from fractions import Fraction

from ascc_async.dataset.published_clips import EXPORTS_FOLDER, checked_clips, published_clips
from ascc_async.errors import SettingsError, SetupError
from ascc_async.files import held
from ascc_async.learning.class_split import PARTS
from ascc_async.learning.clip_choice import APART, WHY_NOT
from ascc_async.learning.few_shot import Options, Split, make_split, read_classes, write_split
from ascc_async.learning.tables import FEW_SHOT
from ascc_async.progress.bar import progress_bar
from ascc_async.progress.formatting import count, say
from ascc_async.settings import Settings
from ascc_async.settings_loader import load

_WRONG_RATIOS = (
    "--ratios {0!r}: expected the shares of train, val and test, which add up to 1, such as"
    " 0.7,0.1,0.2"
)


def main(options: argparse.Namespace) -> int:
    """The split that the options ask for."""
    wanted = Options(
        options.seed, options.by, options.min_clips, _ratios(options.ratios), _apart(options.apart)
    )
    split_and_say(load(options.config, options.options), wanted)
    return 0


def split_and_say(settings: Settings, wanted: Options) -> None:
    """Make the split, write it, and say what it keeps."""
    output = settings.output.dir
    folder = output / EXPORTS_FOLDER / FEW_SHOT
    rows = published_clips(output)
    classes = read_classes(settings.audioset.metadata_dir)
    for _ in progress_bar(checked_clips(output, rows), "checking clips", len(rows)):
        pass
    with held(folder):
        split = make_split(output, rows, classes, wanted, progress_bar)
        if not split.choice.used:
            raise SetupError(
                f"few-shot keeps nothing: no class has {wanted.min_clips} or more usable clips, the"
                f" largest has {max(split.choice.usable.values(), default=0)}. Run `python -m"
                " ascc_async few-shot --min-clips N` with a smaller N. The split is as it was."
            )
        write_split(output, rows, classes, wanted, split)
    say(_summary(split, wanted))
    say(f"Written: {folder}")


def _ratios(text: str) -> tuple[Fraction, Fraction, Fraction]:
    try:
        train, val, test = (Fraction(word.strip()) for word in text.split(","))
    except (ValueError, ZeroDivisionError) as error:
        raise SettingsError(_WRONG_RATIOS.format(text)) from error
    if train + val + test != 1 or min(train, val, test) < 0:
        raise SettingsError(_WRONG_RATIOS.format(text))
    return train, val, test


def _apart(text: str) -> tuple[str, ...]:
    names = {word.strip() for word in text.split(",")} - {"", "nothing"}
    if unknown := sorted(names - set(APART)):
        allowed = ", ".join(APART)
        message = f"--apart {unknown[0]!r}: expected some of {allowed}, or the word nothing"
        raise SettingsError(message)
    return tuple(name for name in APART if name in names)


def _summary(split: Split, wanted: Options) -> str:
    """A table of the parts, and why clips are not used."""
    choice = split.choice
    used = Counter(
        split.parts[split.hits[one][0]] for one, why in choice.why_not.items() if not why
    )
    lines = [f"{'part':<6} {'classes':>8} {'kept':>8} {'clips used':>11}"]
    for part in PARTS:
        mids = [mid for mid, its in split.parts.items() if its == part]
        kept = sum(mid in choice.kept for mid in mids)
        lines.append(f"{part:<6} {count(len(mids)):>8} {count(kept):>8} {count(used[part]):>11}")
    reasons = Counter(filter(None, map(split.why_not, split.hits)))
    if reasons:
        lines.append(f"{count(reasons.total())} of {count(len(split.hits))} clips not used:")
        lines += [
            f"{count(number):>5}  {reason:<17}  {WHY_NOT[reason]}"
            for reason, number in reasons.most_common()
        ]
    for part, ratio in zip(PARTS, wanted.ratios, strict=True):
        if ratio and not used[part]:
            usable = [choice.usable[mid] for mid in choice.usable if split.parts[mid] == part]
            lines.append(
                f"{part} has nothing: none of its classes has {wanted.min_clips} or more usable"
                f" clips, the largest has {max(usable, default=0)}. See --min-clips and --by."
            )
    return "\n".join(lines)
