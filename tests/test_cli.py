"""The command line: options anywhere, help, errors without tracebacks."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ascc_async.cli import parse, run_command
from ascc_async.commands.help import HELP
from ascc_async.errors import Refused


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ascc_async", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_options_may_stand_before_and_after_the_command() -> None:
    """All `--set` count, in their order, wherever they stand."""
    options = parse(["--set", "a.b=1", "status", "--set", "c.d=2", "--json"])
    assert (options.command, options.options, options.json) == ("status", ["a.b=1", "c.d=2"], True)


def test_a_video_id_may_begin_with_a_dash() -> None:
    """One id in thirty does."""
    assert parse(["status", "-abcdefghi_"]).video_id == "-abcdefghi_"
    assert parse(["status", "-abcdefghi_", "--json"]).json


@pytest.mark.parametrize("name", HELP)
def test_help_of_every_command_says_what_it_does_with_an_example(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page of a command has more than its line, and one example that parses."""
    with pytest.raises(SystemExit) as ended:
        run_command([name, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert " ".join(HELP[name].more.split()) in " ".join(text.split())
    assert HELP[name].example in " ".join(text.replace("\\\n", "").split())
    assert parse(shlex.split(HELP[name].example)).command == name


def test_help_is_instant_and_names_all_commands() -> None:
    """Nothing heavy is imported for it."""
    code = (
        "import sys; from ascc_async.cli import parser; parser().format_help();"
        "print([m for m in ('pydantic', 'rich', 'numpy', 'aiohttp') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]"
    text = " ".join(command("--help").stdout.split())
    assert all(help_.line in text for help_ in HELP.values())


def test_a_command_loads_only_what_it_uses() -> None:
    """`status` beside a run is as quick as it can be, and a run is without the memory of pandas."""
    script = """
import sys
for command, heavy in (("status", ("pandas", "aiohttp", "warcio")), ("run", ("pandas",))):
    __import__(f"ascc_async.commands.{command}")
    assert not sys.modules.keys() & set(heavy), command
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_a_misspelt_section_is_a_usage_error_that_says_what_was_meant() -> None:
    """Exit code 2, one message, no traceback."""
    done = command("--set", "throtle.burst=3")
    assert done.returncode == 2
    assert "Did you mean `throttle`?" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


def test_with_json_an_error_is_an_event_too(capsys: pytest.CaptureFixture[str]) -> None:
    """Programs read it where they read everything else."""
    assert run_command(["--set", "throttle.burst=x", "--log-format", "json"]) == 2
    event = json.loads(capsys.readouterr().out)
    assert (event["level"], event["event"], event["exit_code"]) == (
        "error",
        "stopped by an error",
        2,
    )
    assert "throttle.burst" in event["text"]


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("statsu", "status"),
        ("doctor --onlin", "--online"),
        ("plan --clases", "--classes"),
        ("--cofnig x", "--config"),
        ("export parket", "parquet"),
    ],
)
def test_what_is_mistyped_gets_a_suggestion(
    line: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Commands and their options."""
    with pytest.raises(SystemExit) as ended:
        run_command(line.split())
    assert ended.value.code == 2
    assert f"Did you mean {meant}?" in capsys.readouterr().err


@pytest.mark.parametrize(
    "line", ["status -- M4gD1WSo5mA --evidence", "plan --evidence", "export parquet --shard-mb 5"]
)
def test_an_option_in_the_wrong_place_is_said_to_be(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Never is what was typed suggested, and never is it passed over."""
    try:
        code = run_command(line.split())
    except SystemExit as ended:
        code = ended.code
    said = capsys.readouterr().err
    assert (code, "Did you mean" in said) == (2, False)
    assert "does not belong here" in said or "belongs to `export webdataset` alone" in said


def test_who_reads_no_further_sees_no_traceback() -> None:
    """`--print-completion bash | head -1`."""
    command = f"{sys.executable} -m ascc_async --print-completion bash | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_a_completion_script_knows_the_commands() -> None:
    """For the installed `ascc-async`; what it does is shtab's."""
    script = command("--print-completion", "bash").stdout
    assert "complete -o bashdefault" in script
    assert script.rstrip().endswith("ascc-async")
    assert all(name in script for name in HELP)


def test_ctrl_c_in_the_first_second_says_so_and_is_resumable(tmp_path: Path) -> None:
    """Exit code 3 and one line, before the run itself can hear it."""
    arguments = [sys.executable, "-m", "ascc_async", "--set", f"output.dir={tmp_path}"]
    process = subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )
    assert process.stdout is not None
    process.stdout.readline()  # "is starting …"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 3, said
    assert "stopped on request" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("line", ["rebuild none.csv", "diff none.csv none.csv", "join none.tsv"])
def test_a_path_that_is_not_there_is_a_usage_error(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, whichever the command."""
    assert run_command(line.split()) == 2
    assert "none." in (said := capsys.readouterr().err)
    assert "there is no such file or folder" in said


def test_the_options_of_a_run_are_shown_where_there_is_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`features --help` names no `-q`, which would change nothing there."""
    for name, shown in (("run", True), ("demo", True), ("features", False)):
        with pytest.raises(SystemExit):
            run_command([name, "--help"])
        assert ("--quiet" in capsys.readouterr().out) == shown


def test_an_unknown_command_is_a_usage_error() -> None:
    """Exit code 2."""
    with pytest.raises(SystemExit) as ended:
        run_command(["dance"])
    assert ended.value.code == 2


def test_an_error_shows_no_traceback_unless_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder where a file should be is explained; `--debug` shows the cause as well."""
    (tmp_path / "state.sqlite3").mkdir()
    arguments = ["status", "--set", f"output.dir={tmp_path}"]
    assert run_command(arguments) == 1
    said = capsys.readouterr().err
    assert said.startswith("ascc-async: ")
    assert "Traceback" not in said
    assert run_command([*arguments, "--debug"]) == 1
    said = capsys.readouterr().err
    assert "sqlite3." in said, "the cause, not only what we made of it"
    assert said.splitlines()[-1].startswith("ascc-async: ")


def test_only_what_stops_a_run_passes_for_explained(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What one request or clip met, with nobody to deal with it, is a bug."""

    def refused(_: object) -> int:
        raise Refused("YouTube answers 429")

    monkeypatch.setattr("ascc_async.commands.plan.main", refused)
    assert run_command(["plan"]) == 1
    said = capsys.readouterr().err
    assert "which is a bug: Refused: YouTube answers 429" in said


@pytest.mark.parametrize("kind", [PermissionError, NotADirectoryError])
def test_a_folder_that_is_somebody_elses_is_no_bug(
    kind: type[OSError], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor is a file where a folder should be: it is named, with what to do."""

    def look(_: object) -> int:
        raise kind(13, "Permission denied", "/theirs/state.sqlite3")

    monkeypatch.setattr("ascc_async.commands.plan.main", look)
    assert run_command(["plan"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("ascc-async: /theirs/state.sqlite3: Permission denied. Give yourself")


def test_a_removed_current_folder_is_no_bug(tmp_path: Path) -> None:
    """Whoever made it anew in another terminal still stands in the old one."""
    line = f"cd {tmp_path} && rmdir {tmp_path} && {sys.executable} -m ascc_async status"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "the folder that you are in was removed" in done.stderr


@pytest.mark.parametrize("bug", [FileNotFoundError(2, "No such file"), KeyError("a bug")])
def test_a_bug_looks_like_one(
    bug: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that somewhere was not found, unnamed, is not the current folder's removal."""

    def fail(_: object) -> int:
        raise bug

    monkeypatch.setattr("ascc_async.commands.plan.main", fail)
    assert run_command(["plan"]) == 1
    assert f"which is a bug: {type(bug).__name__}: " in capsys.readouterr().err


def test_debug_shows_where_a_pipe_broke() -> None:
    """It need not be the one that our output goes to."""
    code = (
        "from ascc_async import cli; import ascc_async.commands.plan as plan, sys\n"
        "def fail(options): raise BrokenPipeError(32, 'to some other process')\n"
        "plan.main = fail; sys.exit(cli.run_command(['plan', '--debug']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, "in fail" in done.stderr) == (1, True)


def test_debug_changes_no_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong setting stays exit code 2."""
    assert run_command(["plan", "--set", "clips.format=tape", "--debug"]) == 2
    assert "clips.format" in capsys.readouterr().err


def test_a_reader_that_leaves_early_is_no_error_message(tmp_path: Path) -> None:
    """`… | head -1` ends quietly."""
    line = (
        f"{shlex.quote(sys.executable)} -m ascc_async doctor --set output.dir={tmp_path} | head -1"
    )
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60)
    assert "passed" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("closed", ["<&- >&-", "<&- >&- 2>&-"])
def test_closed_standard_files_are_no_trouble(closed: str, tmp_path: Path) -> None:
    """As a careless daemon starts it; no file of ours becomes standard output instead."""
    out = tmp_path / "out"
    line = (
        f"{shlex.quote(sys.executable)} -m ascc_async run --set output.dir={out}"
        f" --set audioset.metadata_dir={tmp_path} --set network.cookies_file={tmp_path} {closed}"
    )
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    if "2>&-" not in closed:
        assert f"cookies_file: cannot read {tmp_path}" in done.stderr
