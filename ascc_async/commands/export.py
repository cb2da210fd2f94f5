"""`export FORMAT`: the dataset as other people's code reads it."""

from __future__ import annotations

import argparse
import importlib.util
import shlex

from ascc_async.commands.features import make_and_say
from ascc_async.commands.few_shot import split_and_say
from ascc_async.dataset.published_clips import EXPORTS_FOLDER
from ascc_async.dataset.text import counted
from ascc_async.errors import SettingsError
from ascc_async.exports import lists, webdataset
from ascc_async.exports.rows import Published, read_published
from ascc_async.files import held
from ascc_async.learning import few_shot, metaaudio
from ascc_async.learning.tables import FEW_SHOT
from ascc_async.progress.bar import counted_bar
from ascc_async.progress.formatting import count, say
from ascc_async.settings import Settings
from ascc_async.settings_loader import load


def main(options: argparse.Namespace) -> int:
    """Make the format, and before it what it needs and is missing."""
    for option, of in (("slices", "metaaudio"), ("shard_mb", "webdataset")):
        if getattr(options, option) is not None and options.format != of:
            name = option.replace("_", "-")
            raise SettingsError(f"--{name} belongs to `export {of}` alone: leave it out")
    settings = load(options.config, options.options)
    match options.format:
        case "metaaudio":
            _metaaudio(settings, options.slices)
        case "parquet":
            _parquet(settings)
        case "webdataset":
            _webdataset(settings, options.shard_mb or 1000)
        case "lists":
            published = _published(settings)
            folder = lists.export(settings.output.dir, published, settings.output.min_free_gb)
            say(f"lists: {counted(len(published.rows), 'clip')}, in {folder}")
    return 0


def _metaaudio(settings: Settings, slices: float | None) -> None:
    recipe = metaaudio.recipe_of(slices)
    split = settings.output.dir / EXPORTS_FOLDER / FEW_SHOT
    if not (split / "clips.csv").exists():
        split_and_say(settings, few_shot.Options())
    # The statistics are those of the split's training classes: it must not change meanwhile.
    with held(split, alone=False):
        make_and_say(settings, recipe)
        made = metaaudio.export(settings.output.dir, recipe)
    say(
        f"metaaudio: {counted(made.clips, 'clip')} of {count(made.classes)} classes,"
        f" {counted(made.new, 'new file')}, in {made.folder}; its README.md says how to start"
    )


def _parquet(settings: Settings) -> None:
    if importlib.util.find_spec("pyarrow") is None:
        raise SettingsError("export parquet needs pyarrow: pip install 'ascc-async[parquet]'")
    from ascc_async.exports import parquet

    with counted_bar("parquet") as on_progress:
        made = parquet.export(
            settings.output.dir, _published(settings), settings.output.min_free_gb, on_progress
        )
    say(
        f"parquet: {counted(made.clips, 'clip')} in {counted(made.files, 'table')},"
        f" {count(made.new)} new, in {made.folder}"
    )
    say("To publish it, with a NAME of your own such as you/audioset-cc:")
    say(f"  hf upload NAME {shlex.quote(str(made.folder))} --repo-type dataset")


def _webdataset(settings: Settings, shard_mb: int) -> None:
    rows = _published(settings).rows
    with counted_bar("writing shards") as on_clip:
        made = webdataset.export(
            settings.output.dir, rows, shard_mb * 1_000_000, settings.output.min_free_gb, on_clip
        )
    say(
        f"webdataset: {counted(made.clips, 'clip')} in {counted(made.files, 'shard')}, {made.new}"
        f" of them written now, in {made.folder}"
    )


def _published(settings: Settings) -> Published:
    return read_published(settings.output.dir, settings.audioset.metadata_dir)
