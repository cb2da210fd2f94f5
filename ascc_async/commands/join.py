"""`join PATH…`: Google's released features and strong labels, joined to the clips."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from ascc_async.audioset.classes import read_class_names
from ascc_async.audioset.metadata_files import CLASS_LIST, ONTOLOGY
from ascc_async.audioset.ontology import read_ontology
from ascc_async.dataset.published_clips import checked_clips, published_clips
from ascc_async.dataset.text import counted
from ascc_async.errors import SettingsError
from ascc_async.files import must_exist
from ascc_async.learning import join_features, join_strong
from ascc_async.learning.google_features import is_features
from ascc_async.progress.bar import progress_bar
from ascc_async.progress.formatting import count, say
from ascc_async.settings_loader import load

_EXPECTED = (
    "expected Google's features.tar.gz, a folder of it or a .tfrecord file, or"
    " audioset_train_strong.tsv, audioset_eval_strong.tsv"
)


def main(options: argparse.Namespace) -> int:
    """Join what is named, each in its own way, and say how much was found."""
    paths: list[Path] = options.paths
    strong = [path for path in paths if join_strong.is_strong(path)]
    features = [path for path in paths if path not in strong]
    must_exist(*paths)
    for path in paths:
        if path not in strong and not is_features(path):
            raise SettingsError(f"{path}: cannot tell what this is; {_EXPECTED}")
    settings = load(options.config, options.options)
    output, metadata = settings.output.dir, settings.audioset.metadata_dir
    rows = published_clips(output)
    mids = read_class_names(CLASS_LIST.path_in(metadata))
    for _ in progress_bar(checked_clips(output, rows), "checking clips", len(rows)):
        pass
    if features:
        with Console(stderr=True).status("reading records") as status:

            def on_records(records: int) -> None:
                status.update(f"{count(records)} records read")

            found = join_features.join_features(output, rows, features, list(mids), on_records)
        say(
            f"{counted(found.records, 'record')} read: {counted(found.found, 'clip')} found;"
            f" {counted(found.other_start, 'record')} left out, of a clip's video but with another"
            " start time."
        )
        say(
            f"{found.folder}: features of {count(found.joined)} of {counted(len(rows), 'clip')};"
            f" labels or length of {count(found.differing)} are not those of AudioSet's CSV"
            f" ({join_features.DIFFERING})"
        )
    if strong:
        ontology = read_ontology(ONTOLOGY.path_in(metadata))
        names = {node.mid: node.name for node in ontology.nodes.values()} | mids
        names |= _names_beside(strong, metadata)
        for table in join_strong.join_strong(output, rows, strong, names):
            events, clips = counted(table.events, "event"), counted(table.clips, "clip")
            say(f"{table.path}: {events} of {clips}")
            if table.beyond:
                say(f"  {counted(table.beyond, 'event')} after the end of a clip left out")
            if table.unnamed:
                say(
                    f"  {counted(table.unnamed, 'label')} without a name but the MID: put Google's"
                    f" {join_strong.NAMES_FILE} beside the file and join again"
                )
    return 0


def _names_beside(paths: Sequence[Path], metadata: Path) -> dict[str, str]:
    """AudioSet's names of the classes of strong labels, some of which the ontology lacks."""
    for folder in (*(path.parent for path in paths), metadata):
        path = folder / join_strong.NAMES_FILE
        if path.is_file():
            return join_strong.read_names(path)
    return {}
