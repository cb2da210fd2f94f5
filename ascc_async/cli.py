"""The commands. Heavy imports happen where they are used, so that `--help` is instant."""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import re
import sys
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import NoReturn

from ascc_async import __version__
from ascc_async.errors import ABORTED, StoppedOnRequest, StopRun
from ascc_async.progress.formatting import safe
from ascc_async.progress.terminal import folded, say

_DESCRIPTION = """\
Makes a dataset of the Creative Commons part of AudioSet: asks YouTube for the license of every \
video, fetches just the ten seconds of those that may be shared, and writes manifest, credits and \
dataset card. Stopped at any moment, the same command resumes."""

_PROGRAM = "python -m ascc_async"  # works also where the console script is not on the PATH
_OWN_OPTIONS = ("--help", "--version", "--print-completion")  # that belong to no command
_LONG = ("run", "demo", "rebuild")  # they take a second or two before they can show anything


@dataclass(frozen=True, slots=True)
class CommandHelp:
    """`line` is shown in the list of commands, `more` on the command's own page."""

    line: str
    more: str
    example: str


HELP = {
    "run": CommandHelp(
        "do the whole job: metadata, licenses, clips, dataset; resumes where it stopped",
        "Downloads AudioSet's metadata where it is missing, asks YouTube for the license of every "
        "selected video, fetches ten seconds of each that is Creative Commons, and writes the "
        "dataset. Ctrl-C finishes what is under way and stops (exit code 3); the same command "
        "resumes. A second Ctrl-C aborts at once; what is recorded is kept.",
        "run --set classes.include='[Dog, Cat]' --set sampling.max_per_class=50",
    ),
    "demo": CommandHelp(
        "the same job against a small fake YouTube on this machine, within a minute",
        "Needs no network. Results are in the folder that --dir names, made just as a real run "
        "makes them. Run it again: no clip is fetched twice.",
        "demo --dir /tmp/demo",
    ),
    "init": CommandHelp(
        "put settings.yaml, cookies.example.txt and docs into a folder, to begin a real run there",
        "Never writes over a file that is there. Every setting is explained in the file itself; "
        "docs holds the pages that messages name.",
        "init audioset-cc",
    ),
    "plan": CommandHelp(
        "what a run would do: segments, requests, hours, disk; sends nothing to YouTube",
        "Shows how many segments the settings select, how many requests that takes, how many "
        "hours at the permitted rate, and how much disk. Look here before a long run. Where "
        "AudioSet's metadata is missing it is downloaded from Google first (about 100 MB, into "
        "audioset.metadata_dir, which must exist unless it is the default); a run then uses the "
        "same files.",
        "plan --classes",
    ),
    "status": CommandHelp(
        "where a run stands, also while one is going on",
        "While a run is going on: how it stood some seconds ago. Otherwise what the manifest "
        "adds up to, and what to do about what is missing. With a video id: every request for "
        "its license, each answer with its evidence, each attempt, and its file.",
        "status M4gD1WSo5mA",
    ),
    "serve": CommandHelp(
        "a page in the browser: progress, classes, what is missing, clips; also beside a run",
        "Only reads, so it may run beside a run, after it, or on a copy of its folder. Only this "
        "machine can open it unless --listen names another address; then whoever opens it needs "
        "the token, which is made and printed where --token gives none. Others who work on this "
        "machine need one only with --token. /metrics is for Prometheus, /status.json what "
        "`status --json` prints, /healthz for who watches over services. Needs "
        "`pip install 'ascc-async[web]'`.",
        "serve --open",
    ),
    "report": CommandHelp(
        "the page's figures as one HTML file, for people without this program",
        "Clips, classes, and what became of the segments, as the manifest has them: sums and "
        "figures, no list of clips, no path and no setting. The file needs no server and nothing "
        "from outside: send it, or publish it with the dataset. Needs `pip install "
        "'ascc-async[web]'`.",
        "report --out report.html",
    ),
    "doctor": CommandHelp(
        "check ffmpeg, yt-dlp, JavaScript runtime, cookies, disk and settings",
        "Each check is passed, a warning, or failed, with what to do about it; later: a run gets "
        "it; unchecked: not looked at. Exit code 1 when a run could not work. Only --online looks "
        "at the network: it asks each license source for videos whose license is known, fetches "
        "one clip and discards it, and says which step fails; with --notify it sends a test to "
        "each address of notify.urls.",
        "doctor --online",
    ),
    "verify": CommandHelp(
        "hash and decode every clip again and compare with the manifest",
        "Says which clips are missing, altered or unreadable, and which evidence of a license is. "
        "With --repair clips missing or altered are fetched again by the next run.",
        "verify --repair",
    ),
    "rebuild": CommandHelp(
        "make the same dataset from a manifest alone",
        "Needs the manifest.csv of another dataset, and YouTube. Asks for each license again "
        "before its clip counts, and lists the clips that are lost since or have other bytes.",
        "rebuild manifest.csv --set output.dir=rebuilt",
    ),
    "diff": CommandHelp(
        "what changed between two manifests",
        "Lists what was added, what was lost and why, and whose license or bytes changed.",
        "diff old/manifest.csv new/manifest.csv",
    ),
    "features": CommandHelp(
        "arrays and log-mel spectrograms of every clip, as known models read them",
        "Writes a float32 array of each clip, their index and their mean and deviation into "
        "exports/features/PRESET (with options: PRESET-OPTIONS). --list shows the presets. "
        "Stopped at any moment, the same command goes on; the bytes are the same however it was "
        "stopped and by however many processes. docs/learning.md shows the rest of the way.",
        "features metaaudio",
    ),
    "few-shot": CommandHelp(
        "class splits for meta-learning, without leaks",
        "Shares AudioSet's classes out among train, val and test, by ontology and seed alone: a "
        "copy of the dataset with fewer clips has the same parts. A clip is used where its labels "
        "hit exactly one class; no video, channel or sound is in two parts. Writes classes.csv, "
        "clips.csv (with the reason for each clip left out), split.npy and split.json into "
        "exports/few_shot. docs/learning.md shows the rest of the way.",
        "few-shot --min-clips 20",
    ),
    "join": CommandHelp(
        "Google's released features and strong labels, joined to the clips",
        "PATH is Google's features.tar.gz, a folder of it or a .tfrecord file (VGGish features, "
        "into exports/vggish), or audioset_train_strong.tsv, audioset_eval_strong.tsv (when each "
        "sound begins and ends, into exports/strong). All checksums are compared; what differs "
        "from AudioSet's CSV is listed. docs/learning.md says where these files are.",
        "join features.tar.gz audioset_train_strong.tsv",
    ),
    "export": CommandHelp(
        "the dataset as other people's code reads it: metaaudio, parquet, webdataset, lists",
        "metaaudio: spectrograms by class, split and statistics for MetaAudio's unmodified code, "
        "in exports/metaaudio (with --slices N in exports/metaaudio-Ns, for its variable-length "
        "loaders). Runs few-shot and features where they are missing; the README.md it writes "
        "says how to start.\n"
        "parquet: rows that play, with license and credit in each, as a folder to upload to "
        "Hugging Face, in exports/parquet. Needs pyarrow: pip install 'ascc-async[parquet]'.\n"
        "webdataset: tar files with sound, labels and credit of each clip, in exports/webdataset.\n"
        "lists: the files with which lhotse, AST, AudioMAE, Kaldi and players find the clips, in "
        "exports/lists. docs/publishing.md leads through it.",
        "export parquet",
    ),
}


class _Formatter(argparse.HelpFormatter):
    """Breaks no word and no option at the end of a line; line breaks stay."""

    def _format_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[argparse._MutuallyExclusiveGroup],
        prefix: str | None,
    ) -> str:
        # The options follow below, each with what it does.
        names = [
            self._format_args(action, str(action.metavar or action.dest))
            for action in actions
            if not action.option_strings
        ]
        return folded(" ".join(["usage:", self._prog, "[options]", *names]), self._width) + "\n\n"

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return folded(text, min(width, 100))

    def _split_lines(self, text: str, width: int) -> list[str]:
        return folded(text, width).split("\n")


class _Parser(argparse.ArgumentParser):
    """Says what a mistyped command or option may have meant."""

    commands: Mapping[str, argparse.ArgumentParser] = {}

    def error(self, message: str) -> NoReturn:
        if typed := re.search(r"(?:invalid choice: '|unrecognized arguments: )([^'\s=]+)", message):
            word = typed[1]
            known = re.findall(r"[\w-]+", message.partition("(choose from ")[2])
            if word.startswith("--"):
                pages = "".join(command.format_help() for command in self.commands.values())
                known = re.findall(r"--[a-z-]+", pages)
            if word in known:
                message = (
                    f"{word} does not belong here: it is another command's, or comes before `--`"
                )
            elif near := difflib.get_close_matches(word, known, n=1):
                message = f"unknown: {word}. Did you mean {near[0]}?"
        self.print_usage(sys.stderr)
        say(f"{self.prog}: error: {message}", sys.stderr)
        self.exit(2)


def parser() -> _Parser:
    """The whole command line."""
    main = _Parser(
        prog=_PROGRAM,
        description=_DESCRIPTION,
        parents=[_options()],
        formatter_class=_Formatter,
        epilog="Without a command: run. Exit codes: 0 all done, 1 stopped by an error that is"
        " explained, 2 usage or settings, 3 stopped on request (resumable), 130 aborted."
        " The pages docs/… come with `init`.\n\n"
        f"example:\n  {_PROGRAM} demo",
        allow_abbrev=False,
    )
    main.add_argument("-V", "--version", action="version", version=f"ascc-async {__version__}")
    main.add_argument(
        "--print-completion",
        choices=("bash", "zsh", "tcsh"),
        help="print a script with which the shell completes `ascc-async …`",
    )
    commands = main.add_subparsers(
        title="commands", dest="command", metavar="COMMAND", prog=_PROGRAM
    )
    for name, command_help in HELP.items():
        command = commands.add_parser(
            name,
            help=command_help.line,
            description=f"{command_help.line[0].upper()}{command_help.line[1:]}.\n\n{command_help.more}",
            parents=[_options(shows_run=name in _LONG)],
            formatter_class=_Formatter,
            epilog=f"example:\n  {_PROGRAM} {command_help.example}",
            allow_abbrev=False,
        )
        _add_arguments(name, command)
    main.commands = commands.choices
    return main


def _options(*, shows_run: bool = True) -> _Parser:
    """`shows_run`: with those that say how much of a run is shown (`parse` takes them anywhere)."""
    common = _Parser(prog=_PROGRAM, add_help=False, allow_abbrev=False, formatter_class=_Formatter)
    group = common.add_argument_group("options everywhere")
    group.add_argument(
        "--config",
        type=Path,
        metavar="PATH",
        help="settings file (default: settings.yaml here; without one, the built-in defaults)",
    )
    group.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        dest="options",
        help="change one setting (repeatable)",
    )
    group.add_argument(
        "--log-format",
        choices=("text", "json"),
        default="text",
        help="text for people (default), or one JSON object per event",
    )
    group.add_argument(
        "--cookies-from-browser",
        metavar="BROWSER[:NAME]",
        help="run, rebuild, doctor: as the account of this browser instead of a cookies file",
    )
    if shows_run:
        loudness = group.add_mutually_exclusive_group()
        quiet, verbose = "show warnings and the report only", "show every event"
        loudness.add_argument("-q", "--quiet", action="store_true", help=quiet)
        loudness.add_argument("-v", "--verbose", action="store_true", help=verbose)
    group.add_argument("--debug", action="store_true", help="show tracebacks of errors")
    return common


def _add_arguments(name: str, command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    match name:
        case "demo":
            where = "folder for the results (default: demo)"
            add("--dir", type=Path, default=Path("demo"), help=where)
        case "init":
            add("dir", nargs="?", type=Path, default=Path(), help="the folder (default: this one)")
            schema = "print a JSON Schema of settings.yaml for editors; write nothing"
            add("--schema", action="store_true", help=schema)
        case "plan":
            classes = "list every class instead: index, quality, rows, whether it is chosen"
            add("--classes", action="store_true", help=classes)
        case "status":
            add("video_id", nargs="?", help="show all that is known of it: id or watch address")
            add("--watch", action="store_true", help="show it again and again while a run goes on")
            seen = "with a video id: what YouTube answered about its license, where and when"
            add("--evidence", action="store_true", help=seen)
        case "serve":
            where = "address and port to listen on (default: 127.0.0.1:8765; port 0: a free one)"
            add("--listen", default="127.0.0.1:8765", metavar="HOST:PORT", help=where)
            add("--open", action="store_true", help="open the page in the browser")
            token = "who opens the page must give this; without TEXT one is made and printed"
            add("--token", nargs="?", const="", metavar="TEXT", help=token)
        case "report":
            where = "the file to write (default: dataset/report.html in output.dir)"
            add("--out", type=Path, metavar="FILE", help=where)
        case "doctor":
            add("--online", action="store_true", help="also ask for videos whose license is known")
            test = "with --online: also send a test to each address of notify.urls"
            add("--notify", action="store_true", help=test)
        case "verify":
            add("--sample", type=_count, metavar="N", help="only N clips, others each time")
            add("--repair", action="store_true", help="have the next run fetch these clips again")
        case "rebuild":
            add("manifest", type=Path, help="the manifest.csv of a dataset")
        case "diff":
            add("a", type=Path, metavar="A", help="the older manifest.csv")
            add("b", type=Path, metavar="B", help="the newer manifest.csv")
        case "features":
            add("preset", nargs="?", metavar="PRESET", help="what to make: see --list")
            add("--list", action="store_true", help="show the presets instead")
            seconds = "of each clip (default: 10); what is longer is cut off"
            add("--seconds", type=float, default=10, metavar="N", help=seconds)
            short = "shorter clips: fill with zeros (default), repeat, or leave out"
            add("--short", choices=("zero", "repeat", "drop"), default="zero", help=short)
            normalise = "sample: bring each clip's waveform to mean 0 and deviation 1 first"
            add("--normalise", choices=("none", "sample"), default="none", help=normalise)
            patches = "cut into the patches the model is fed (vggish)"
            add("--patches", action="store_true", help=patches)
            add("--workers", type=_count, metavar="N", help="processes (default: one per core)")
            part = "only every N-th clip from the I-th, for a job array; then once without"
            add("--part", type=_part, metavar="I/N", help=part)
        case "few-shot":
            add("--seed", type=int, default=0, help="another seed, another split (default: 0)")
            what = "leaves: classes with none below (default); lowest: the lowest with enough clips"
            add("--by", choices=("leaves", "lowest"), default="leaves", help=what)
            enough = "clips that a class needs to be kept (default: 10)"
            add("--min-clips", type=_count, default=10, metavar="N", help=enough)
            shares = "shares of train, val and test (default: 0.7,0.1,0.2)"
            add("--ratios", default="0.7,0.1,0.2", metavar="A,B,C", help=shares)
            what = "what no two parts share (default: video,channel,sound), or nothing"
            add("--apart", default="video,channel,sound", metavar="LIST", help=what)
        case "join":
            what = "features.tar.gz, a folder, *.tfrecord, audioset_{train,eval}_strong.tsv"
            add("paths", nargs="+", type=Path, metavar="PATH", help=what)
        case "export":
            formats = ("metaaudio", "parquet", "webdataset", "lists")
            add("format", choices=formats, metavar="FORMAT", help=", ".join(formats))
            slices = "metaaudio: arrays of (n, 128, frames), each clip in slices of so many seconds"
            add("--slices", type=float, metavar="SECONDS", help=slices)
            shard = "webdataset: about so many megabytes a shard (default: 1000)"
            add("--shard-mb", type=_count, metavar="N", help=shard)
    if name in ("plan", "status", "verify", "diff"):
        add("--json", action="store_true", help="as JSON, for programs")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number from 1")
    return int(text)


def _part(text: str) -> tuple[int, int]:
    first, _, number = text.partition("/")
    if not (first.isdecimal() and number.isdecimal() and 1 <= int(first) <= int(number)):
        raise argparse.ArgumentTypeError(f"{text!r}: expected I/N such as 2/8, I from 1 to N")
    return int(first), int(number)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The arguments; options may stand before or after the command."""
    words = list(arguments)
    if "status" in words:
        index = words.index("status") + 1
        # One video id in 64 begins with `-`: right after `status` it must not pass for an option.
        if index < len(words) and len(words[index]) == 11 and words[index][0] == "-":
            words[index:] = [*words[index + 1 :], "--", words[index]]
    # argparse itself forgets a `--set` before the command when another follows it.
    common, rest = _options().parse_known_args(words)
    main = parser()
    if rest and rest[0].startswith("--") and rest[0].partition("=")[0] not in _OWN_OPTIONS:
        main.error(f"unrecognized arguments: {rest[0]}")  # else its value passes for a command
    parsed = main.parse_args(rest)
    vars(parsed).update(vars(common))
    return parsed


def run_command(arguments: Sequence[str]) -> int:
    """Run one command; its exit code. No traceback reaches the user unless `--debug` asks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without UTF-8 is no reason to fail
    options = parse(arguments)
    name = options.command or "run"
    try:
        if options.print_completion:
            import shtab

            main = parser()
            main.prog = "ascc-async"  # shells complete a command, not a module of Python's
            print(shtab.complete(main, options.print_completion), flush=True)  # noqa: T201
            return 0
        if name in _LONG and options.log_format == "text" and not options.quiet:
            # Before the slow imports; on a terminal the screen erases it.
            end = "" if _can_erase() else "\n"
            print("ascc_async is starting …", end=end, flush=True)  # noqa: T201
        # Only this command's module: all of them take two seconds to import.
        module = f"ascc_async.commands.{name.replace('-', '_')}"
        code: int = importlib.import_module(module).main(options)
    except KeyboardInterrupt:
        if name not in _LONG:
            return ABORTED
        # Too early or too late for the run itself to drain: nothing is in flight.
        why = "stopped on request. What was recorded is kept; the same command goes on."
        return _explain(StoppedOnRequest(why), options.log_format)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read us has gone; nothing more can be said
        return 1
    except Exception as error:  # noqa: BLE001 - the last place that can explain it
        if options.debug:
            traceback.print_exception(error)
        return _explain(error, options.log_format)
    return code


def _explain(error: Exception, log_format: str) -> int:
    """Say what went wrong; the exit code. What is not ours is a bug, and is called one."""
    code = error.exit_code if isinstance(error, StopRun) else 1
    message = str(error)
    if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("ascc_async"):
        message = (
            f"the Python package «{error.name}» is missing: run `pip install .` in the checkout, or"
            " `pip install ascc-async`, with the Python that you start this with"
        )
    # Our other errors say what becomes of one request or one clip: here nobody has dealt with it.
    elif not isinstance(error, StopRun):
        # Tasks wrap what they raise in groups, which say nothing by themselves.
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        message = (
            f"stopped by an unexpected error, which is a bug: {type(error).__name__}: {error}."
            " Everything that was recorded is kept. Run again with --debug to see where it"
            " happened, and please report it."
        )
    if log_format == "json":
        from ascc_async.progress.logs import event_line

        fields = {"text": message, "exit_code": code}
        print(event_line(time.time(), "error", "stopped by an error", fields), flush=True)  # noqa: T201
    if _can_erase():  # "is starting …" may still be there
        sys.stdout.write("\r\x1b[2K")
        sys.stdout.flush()
    # The message may quote a file or YouTube: no control characters may reach the terminal.
    safe_lines = "\n".join(map(safe, message.splitlines()))
    say(f"ascc-async: {safe_lines}", sys.stderr)
    return code


def _can_erase() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")
