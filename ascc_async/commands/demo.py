"""`demo`: the same job against an embedded stand-in for YouTube, with nothing from outside."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from ascc_async.commands.run import display_of, run
from ascc_async.errors import SetupError
from ascc_async.journal.writer import JOURNAL_NAME
from ascc_async.settings_loader import load
from ascc_async.standin.process import StandinProcess
from ascc_async.standin.released import write_released
from ascc_async.standin.world_settings import Fault, Limit, WorldSettings

SETTINGS = """\
# Settings of the demo: results beside this file, and a pace that fits its fake YouTube, which is
# far more patient than the real one. `demo` itself says where the fake is. The proxy here does not
# exist, so that no other command asks the real YouTube at this pace.
audioset: {metadata_dir: metadata}
throttle: {requests_per_second: 12, max_requests_per_second: 60, burst: 10}
output: {dir: ., min_free_gb: 0.2}
network: {proxy: "http://127.0.0.1:9"}
"""
GOODBYE = """\
This was the demo: a small fake YouTube on your own machine. For a real run,
  python -m ascc_async init audioset-cc
makes a folder with settings, the pages docs/… and what to do next.

To share what was made: `python -m ascc_async export parquet`, in the folder of the demo, makes a \
folder to upload to Hugging Face (docs/publishing.md).

To train on the clips, go on in the folder of the demo (its few clips need a small --min-clips):
  cd {folder}{elsewhere}
  python -m ascc_async few-shot --min-clips 2 --seed 5
  python -m ascc_async features metaaudio
  python -m ascc_async export metaaudio
  python -m ascc_async join google/features.tar.gz google/audioset_*_strong.tsv
docs/learning.md says what they make, and how to train on it."""
_STANDIN = ".standin"  # in each folder of a demo
# A refusal or two and a few broken connections: what a run meets on YouTube shall be seen here.
WORLD = WorldSettings(
    limits=(
        Limit(requests=200, window_seconds=10, pause_seconds=2, style="bot_check"),
        Limit(kind="media", requests=160, window_seconds=10, pause_seconds=3),
    ),
    faults=(
        Fault(name="server_error", share=0.04),
        Fault(name="cut_before", share=0.03),
        Fault(name="cut_body", share=0.05),
    ),
)


def main(options: argparse.Namespace) -> int:
    """Start the stand-in, then run the very job that `run` does."""
    folder: Path = options.dir.resolve()
    config, standin = folder / "settings.yaml", folder / _STANDIN
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _claim(folder, config)
        if not config.exists():  # a second demo goes on with what its owner changed there
            config.write_text(SETTINGS, encoding="utf-8")
        settings = load(config, options.options)
        output = settings.output.dir
        _claim(output, output / JOURNAL_NAME)
    except OSError as error:
        raise SetupError(
            f"{error.filename or folder}: cannot be written: {error.strerror}. Choose another"
            " folder with --dir."
        ) from error
    # Pictures take the stand-in time to make: only where they are wanted.
    media = WORLD.media.model_copy(update={"pictures": settings.clips.media == "video"})
    world = WORLD.model_copy(update={"media": media})
    with StandinProcess(world, folder=standin) as youtube:
        reach = [f"network.proxy={youtube.proxy}", f"network.ca_file={youtube.ca_file}"]
        settings = load(config, [*reach, *options.options])
        write_released(standin / "metadata", folder / "google")
        # --set output.dir=…
        elsewhere = f"\n  export ASCC_OUTPUT__DIR={shlex.quote(str(output))}"
        elsewhere = "" if output == folder else elsewhere
        goodbye = GOODBYE.format(folder=shlex.quote(str(folder)), elsewhere=elsewhere)
        return run(settings, display_of(options), goodbye=goodbye)


def _claim(folder: Path, of_a_run: Path) -> None:
    """Mark the folder as a demo's. Raises SetupError where a real run has left its file."""
    if of_a_run.exists() and not (folder / _STANDIN).exists():
        raise SetupError(
            f"{of_a_run} is not the demo's, whose made-up answers must not get among real ones:"
            " choose another folder with --dir, and no output.dir of a real run"
        )
    (folder / _STANDIN).mkdir(parents=True, exist_ok=True)
