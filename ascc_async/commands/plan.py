"""`plan`: what a run would do. Asks YouTube nothing."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import logging
import shlex
import sys
from pathlib import Path
from typing import Any

from ascc_async.audioset.catalog import read_catalog
from ascc_async.audioset.classes import choose_classes, class_table, render_class_table
from ascc_async.audioset.download import fetch_missing
from ascc_async.audioset.metadata_files import files_of
from ascc_async.audioset.selection import select
from ascc_async.errors import SettingsError
from ascc_async.files import size
from ascc_async.pipeline.plan import RunPlan, make_plan
from ascc_async.pipeline.plan_outlook import look_into
from ascc_async.progress.formatting import duration, safe, say
from ascc_async.progress.logs import logging_from
from ascc_async.settings import AudiosetSettings
from ascc_async.settings_loader import DEFAULT_FILE, load


def main(options: argparse.Namespace) -> int:
    """Print the plan, or with `--classes` every class."""
    settings = load(options.config, options.options)
    folder, config = settings.audioset.metadata_dir, options.config or Path(DEFAULT_FILE)
    usual = config.resolve().parent / AudiosetSettings().metadata_dir
    # Whoever has the files already must not find them downloaded again into a mistyped folder.
    if folder != usual and not folder.exists():
        raise SettingsError(
            f"audioset.metadata_dir: there is no folder {folder}. If that is mistyped, correct it."
            f" If the folder is to be new, make it (mkdir -p {shlex.quote(str(folder))}) and plan"
            " again: AudioSet's files, about 100 MB, are then downloaded into it"
        )

    def on_progress(name: str, received: int, total: int | None) -> None:
        # To standard error, as the notes: standard output may be read as JSON.
        if received == total:
            say(f"ascc-async: downloaded {safe(name)}", sys.stderr)

    needed = files_of(settings.audioset.splits)
    if missing := [file.find(folder) for file in needed].count(None):
        what = f"{missing} of AudioSet's {len(needed)} files into {folder}"
        say(f"ascc-async: downloading {what} (about 100 MB in all) …", sys.stderr)
    asyncio.run(fetch_missing(settings.audioset, settings.network, on_progress))
    data: Any
    with logging_from(logging.ERROR):  # warnings are said below, as notes
        catalog = read_catalog(settings.audioset)
        if options.classes:
            choices = choose_classes(catalog.classes, catalog.ontology, settings.classes)
            table = class_table(choices, catalog.segments.class_counts().tolist())
            data, text = table, render_class_table(table)
        else:
            selection = select(catalog, settings.classes, settings.sampling)
            plan = make_plan(catalog, selection, settings, look_into(settings, selection))
            data, text = dataclasses.asdict(plan), render_plan(plan)
    if options.json:
        print(json.dumps(data, ensure_ascii=False, indent=2))
    else:
        say(text)
    for warning in catalog.warnings:
        say(f"ascc-async: note: {safe(warning)}", sys.stderr)
    return 0


def render_plan(plan: RunPlan) -> str:
    """The plan as text, ready to be printed; its warnings are for the caller to print."""
    limit = f", at most {plan.max_per_class} clips each" if plan.max_per_class else ""
    lines = [
        f"Splits      {', '.join(plan.splits)}",
        f"Classes     {plan.classes:,} of {plan.classes_of:,}{limit}",
        f"Segments    {plan.segments:,}, each from a different video",
    ]
    more = ""
    if plan.answered:
        lines.append(
            f"So far      {plan.answered:,} videos answered, {plan.clips_made:,} clips made"
        )
        more = " more"
    if plan.videos_to_ask < plan.videos:
        lines.append(f"To ask      about {plan.videos_to_ask:,} videos")
    if plan.asked_first:
        lines.append(f"Asked first {plan.asked_first:,} of them (license.ask_first)")
    lines.append(f"Clips       about {plan.clips:,}{more}, {size(plan.disk_bytes)} on disk")

    if plan.clips_again.from_lossless or plan.clips_again.fetched:
        lines.append(f"Again       {plan.clips_again}")

    for title, sizes in (("Smallest", plan.smallest), ("Largest", plan.largest)):
        lines.append(f"{title} classes                      segments   clips")
        lines += [f"  {item.name[:32]:<32} {item.rows:>9,} {item.clips:>9,.1f}" for item in sizes]

    lines.append("Requests")
    lines += [f"  {item.stage:<9} {item.requests:>12,}  {item.of}" for item in plan.stages]
    lines.append(f"{'Time at the permitted rate':<46} {'licenses':>10} {'clips':>10}")
    for item in plan.durations:
        licenses, clips = _time(item.license_hours), _time(item.clip_hours)
        # Nobody outside knows whether YouTube's limit counts requests or videos: both are shown.
        lines.append(f"  {item.way:<44} {licenses:>10} {clips:>10}")
        if by_video := item.license_hours_by_video:
            lines.append(
                f"  {'  if YouTube limits videos, not requests':<44} {_time(by_video):>10}"
            )
        if (most := item.most_after_hours) is not None:
            lines.append(
                f"    most clips after {_time(most)}, if license.ask_first lists likely ones"
            )
    if plan.changes:
        lines.append("Settings that would shorten it")
    for change in plan.changes:
        time = _time(change.license_hours)
        lines.append(f"  {change.setting:<44} {change.videos:>10,} videos in {time}")

    basis = plan.assumptions
    lines.append(
        f"Assumed: {basis.answered_share:.0%} of the videos show a license,"
        f" {basis.creative_commons_share:.2%} of those are Creative Commons,"
        f" {1 - basis.had_share:.0%} of these cannot be fetched, {basis.bytes_a_clip / 1e6:.2f} MB"
        " a clip"
    )
    return "\n".join([*lines, f"  ({basis.source})"])


def _time(hours: float) -> str:
    return duration(3600 * hours)
