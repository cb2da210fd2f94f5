"""What each command says of itself and takes. Imports nothing heavy: `--help` is instant."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path


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
        "Each check is passed, a warning, or failed, with what to do about it; «later»: a run gets "
        "it; «unchecked»: not looked at. Exit code 1 when a run could not work. Only --online "
        "looks at the network: it asks each license source for videos whose license is known, "
        "fetches one clip and discards it, and says which step fails; with --notify it sends a "
        "test to each address of notify.urls.",
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
        "Stopped at any moment, the same command resumes; the bytes are the same however often it "
        "was stopped and with any number of processes. docs/learning.md shows the rest of the way.",
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


def add_arguments(name: str, command: argparse.ArgumentParser) -> None:
    """What this command alone takes."""
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
            add("--sample", type=_count, metavar="N", help="only N clips, drawn anew each time")
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
            part = "make only part I of N, as one job of many; when all are done, run without it"
            add("--part", type=_part, metavar="I/N", help=part)
        case "few-shot":
            add("--seed", type=int, default=0, help="another seed, another split (default: 0)")
            what = "leaves: classes with none below (default); lowest: the lowest with enough clips"
            add("--by", choices=("leaves", "lowest"), default="leaves", help=what)
            enough = "clips that a class needs to be kept (default: 10)"
            add("--min-clips", type=_count, default=10, metavar="N", help=enough)
            shares = "shares of train, val and test (default: 0.7,0.1,0.2)"
            add("--ratios", default="0.7,0.1,0.2", metavar="A,B,C", help=shares)
            what = "what no two parts may share (default: video,channel,sound), or the word nothing"
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
