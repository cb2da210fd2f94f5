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
from collections.abc import Mapping, Sequence
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any, NoReturn

from ascc_async import __version__
from ascc_async.commands.help import HELP, add_arguments
from ascc_async.errors import ABORTED, StoppedOnRequest, StopRun
from ascc_async.progress.formatting import folded, safe, say

_DESCRIPTION = """\
Makes a dataset of the Creative Commons part of AudioSet: asks YouTube for the license of every \
video, fetches just the ten seconds of those that may be shared, and writes manifest, credits and \
dataset card. Stopped at any moment, the same command resumes."""

_PROGRAM = "python -m ascc_async"  # works also where the console script is not on the PATH
_OWN_OPTIONS = ("--help", "--version", "--print-completion")  # that belong to no command
_LONG = ("run", "demo", "rebuild")  # they take a second or two before they can show anything


class _Formatter(argparse.HelpFormatter):
    """Breaks no word and no option at the end of a line; line breaks stay."""

    def _format_usage(self, usage: Any, actions: Any, groups: Any, prefix: Any) -> str:
        # The options follow below, each with what it does.
        names = [
            self._format_args(action, action.metavar or action.dest)
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
        add_arguments(name, command)
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
        sys.stdout.flush()
    except KeyboardInterrupt:
        if name not in _LONG:
            return ABORTED
        # Too early or too late for the run itself to drain: nothing is in flight.
        why = "stopped on request. What was recorded is kept; run the same command to resume."
        return _explain(StoppedOnRequest(why), options.log_format)
    except BrokenPipeError as error:
        if options.debug:  # it may be another pipe than our output, and then a bug
            traceback.print_exception(error)
        sys.stderr.close()  # whoever read us has gone; nothing more can be said
        return 1
    except Exception as error:  # noqa: BLE001 - the last place that can explain it
        if options.debug:
            traceback.print_exception(error)
        return _explain(error, options.log_format)
    return code


def _explain(error: Exception, log_format: str) -> int:
    """Say what went wrong; the exit code."""
    # Tasks wrap what they raise in groups, which say nothing by themselves.
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    code = error.exit_code if isinstance(error, StopRun) else 1
    message = _message(error)
    if log_format == "json":
        from ascc_async.progress.logs import event_line

        fields = {"text": message, "exit_code": code}
        with suppress(OSError):  # a full disk, or nobody who reads it
            print(event_line(time.time(), "error", "stopped by an error", fields), flush=True)  # noqa: T201
    if _can_erase():  # "is starting …" may still be there
        sys.stdout.write("\r\x1b[2K")
        sys.stdout.flush()
    # The message may quote a file or YouTube: no control characters may reach the terminal.
    safe_lines = "\n".join(map(safe, message.splitlines()))
    say(f"ascc-async: {safe_lines}", sys.stderr)
    return code


def _message(error: Exception) -> str:
    """What went wrong, and what to do. What is neither ours nor the system's is a bug."""
    from ascc_async.files import NO_SPACE

    match error:
        case StopRun():
            return str(error)
        case ModuleNotFoundError() if not (error.name or "").startswith("ascc_async"):
            return (
                f"the Python package «{error.name}» is missing: run `pip install .` in the"
                " checkout, or `pip install ascc-async`, with the Python that you start this with"
            )
        case OSError(filename=None) if error.errno in NO_SPACE:
            return "no space left on the disk that the output goes to: make room, then run it again"
        case FileNotFoundError(filename=None) if _folder_was_removed():
            return "the folder that you are in was removed: go to one that is there, then try again"
        # Any look at a file may meet these, and no file of ours has to be there for them.
        case PermissionError(filename=str(name)) | NotADirectoryError(filename=str(name)):
            return (
                f"{name}: {error.strerror}. Give yourself the right to read and write there, or"
                " name another file or folder"
            )
    # Our other errors say what becomes of one request or one clip: here nobody has dealt with it.
    return (
        f"stopped by an unexpected error, which is a bug: {type(error).__name__}: {error}."
        " Everything that was recorded is kept. Run again with --debug to see where it happened,"
        " and please report it."
    )


def _folder_was_removed() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


def _can_erase() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")
