"""What `--help` says of each command: one line, some more, an example."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Help:
    """`line` stands in the list of commands, `more` on the command's own page."""

    line: str
    more: str
    example: str


HELP = {
    "run": Help(
        "do the whole job: metadata, licenses, clips, dataset; goes on where it stopped",
        "Downloads AudioSet's metadata where it is missing, asks YouTube for the license of every\n"
        "selected video, fetches ten seconds of each that is Creative Commons, and writes the\n"
        "dataset. Ctrl-C finishes what is in flight and stops (exit code 3); the same command\n"
        "goes on from there. A second Ctrl-C leaves at once.",
        "ascc-async run --set classes.include='[Dog, Cat]' --set sampling.max_per_class=50",
    ),
    "demo": Help(
        "the same job against an embedded stand-in for YouTube, within a minute",
        "Nothing from outside is needed. Results lie in the folder that --dir names, made just\n"
        "as a real run makes them. Run it again: nothing is fetched twice.",
        "ascc-async demo --dir /tmp/demo",
    ),
    "plan": Help(
        "what a run would do: segments, requests, hours, disk; asks YouTube nothing",
        "Shows how many segments the settings select, how many requests that takes, how many\n"
        "hours at the permitted rate, and how much disk. Look here before a long run.",
        "ascc-async plan --classes",
    ),
    "status": Help(
        "where a run stands, also while one is going on",
        "Beside a running process: its picture of some seconds ago. Else what the manifest adds\n"
        "up to, and what to do about what is missing. With a video id: every question asked\n"
        "about it, each answer with its evidence, each attempt, and its file.",
        "ascc-async status M4gD1WSo5mA",
    ),
    "doctor": Help(
        "check ffmpeg, yt-dlp, JavaScript runtime, cookies, disk and settings",
        "Each check is passed, a warning, or failed, with what to do about it; exit code 1 when\n"
        "a run could not work. --online also asks each license source for videos whose license\n"
        "is known, and fetches one clip into nowhere: it says which joint is broken.",
        "ascc-async doctor --online",
    ),
    "verify": Help(
        "hash and read every clip again and compare with the manifest",
        "Says which clips are missing, altered or unreadable. With --repair they are fetched\n"
        "again by the next run.",
        "ascc-async verify --repair",
    ),
    "rebuild": Help(
        "make the same dataset from a manifest alone",
        "Needs the manifest.csv of another dataset, and YouTube. Asks for each license again\n"
        "before its clip counts, and says what is lost since, and whose bytes differ.",
        "ascc-async rebuild manifest.csv --set output.dir=rebuilt",
    ),
    "diff": Help(
        "what changed between two manifests",
        "Lists what was added, what was lost and why, and whose license or bytes changed.",
        "ascc-async diff old/manifest.csv new/manifest.csv",
    ),
}
