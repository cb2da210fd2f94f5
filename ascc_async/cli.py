"""The commands. Heavy imports happen where they are used, so that `--help` is instant."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path

from ascc_async import __version__
from ascc_async.commands.help_texts import HELP
from ascc_async.errors import AsccError, StopRun
from ascc_async.progress.opening import say_starting, unsay
from ascc_async.progress.words import safe

ABORTED = 130

_DESCRIPTION = """\
Makes the Creative Commons part of AudioSet a dataset: asks YouTube for every video's license,
fetches just the ten seconds of those that may be shared, and leaves them with manifest, credits
and card. Stopped anywhere, the same command goes on from there."""

_LONG = ("run", "demo", "rebuild")  # they take a second or two before they can show anything
_STARTING = "ascc_async is starting …"


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    main = argparse.ArgumentParser(
        prog="ascc-async",
        description=_DESCRIPTION,
        parents=[_options()],
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Without a command: run. Exit codes: 0 all done, 1 stopped by an error that is\n"
        "explained, 2 usage or settings, 3 stopped on request (resumable), 130 aborted.\n\n"
        "example:\n  ascc-async demo",
        allow_abbrev=False,
    )
    main.add_argument("--version", action="version", version=f"ascc-async {__version__}")
    commands = main.add_subparsers(dest="command", metavar="COMMAND")
    for name, help_ in HELP.items():
        command = commands.add_parser(
            name,
            help=help_.line,
            description=f"{help_.line[0].upper()}{help_.line[1:]}.\n\n{help_.more}",
            parents=[_options()],
            formatter_class=argparse.RawDescriptionHelpFormatter,
            epilog=f"example:\n  {help_.example}",
            allow_abbrev=False,
        )
        _add_arguments(name, command)
    return main


def _options() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
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
    group.add_argument("--debug", action="store_true", help="show tracebacks of errors")
    return common


def _add_arguments(name: str, command: argparse.ArgumentParser) -> None:
    match name:
        case "demo":
            command.add_argument(
                "--dir", type=Path, default=Path("demo"), help="where it goes (default: demo)"
            )
        case "plan":
            command.add_argument("--classes", action="store_true", help="list every class")
            command.add_argument("--json", action="store_true", help="for programs")
        case "status":
            command.add_argument("video_id", nargs="?", help="all that is known of one video")
            command.add_argument("--json", action="store_true", help="for programs")
        case "doctor":
            command.add_argument(
                "--online", action="store_true", help="also ask for videos whose license is known"
            )
        case "verify":
            command.add_argument(
                "--repair", action="store_true", help="have what is wrong fetched again"
            )
        case "rebuild":
            command.add_argument("manifest", type=Path, help="a manifest.csv")
        case "diff":
            command.add_argument("a", type=Path, metavar="A", help="the older manifest.csv")
            command.add_argument("b", type=Path, metavar="B", help="the newer manifest.csv")
            command.add_argument("--json", action="store_true", help="for programs")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The arguments; options may stand before or after the command."""
    # argparse itself forgets a `--set` before the command when another follows it.
    common, rest = _options().parse_known_args(_guarded(arguments))
    parsed = parser().parse_args(rest)
    vars(parsed).update(vars(common))
    return parsed


def _guarded(arguments: Sequence[str]) -> list[str]:
    """Video ids may begin with `-`: such a word after `status` is no option."""
    guarded = list(arguments)
    if "status" in guarded:
        place = guarded.index("status") + 1
        if place < len(guarded) and len(guarded[place]) == 11 and guarded[place][0] == "-":
            guarded[place:] = [*guarded[place + 1 :], "--", guarded[place]]
    return guarded


def run_command(arguments: Sequence[str]) -> int:
    """Run one command; its exit code. No traceback reaches the user unless `--debug` asks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without UTF-8 is no reason to fail
    options = parse(arguments)
    name = options.command or "run"
    if name in _LONG and options.log_format == "text":
        say_starting(_STARTING)
    try:
        return _run(name, options)
    except KeyboardInterrupt:
        return ABORTED
    except BrokenPipeError:
        sys.stderr.close()  # whoever read us has gone; nothing more can be said
        return 1


def _run(name: str, options: argparse.Namespace) -> int:
    try:
        code: int = importlib.import_module(f"ascc_async.commands.{name}").main(options)
    except (KeyboardInterrupt, BrokenPipeError):
        raise
    except Exception as error:
        if options.debug:
            raise
        return _explain(error, options.log_format)
    return code


def _explain(error: Exception, log_format: str) -> int:
    code = error.exit_code if isinstance(error, StopRun) else 1
    message = str(error) if isinstance(error, AsccError) else _unforeseen(error)
    if log_format == "json":
        from ascc_async.progress.events import event_line

        told = {"text": message, "exit_code": code}
        print(event_line(time.time(), "error", "stopped by an error", told), flush=True)  # noqa: T201
    unsay()
    safe_lines = "\n".join(map(safe, message.splitlines()))
    print(f"ascc-async: {safe_lines}", file=sys.stderr)  # noqa: T201
    return code


def _unforeseen(error: Exception) -> str:
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return (
        f"stopped by an error nobody foresaw: {type(error).__name__}: {error}. Everything that was"
        " recorded is kept. Run again with --debug to see where, and please report it."
    )
