"""The removal list `output.dir/removals.txt`: videos and channels that the dataset must not hold.

One entry a line; `#` starts a comment at the start of a line or after a space. An entry is a video
id, a segment id, a YouTube link to a video or channel, a channel id, or a channel's name. Where a
name could be taken for an id, or holds a `#`, write `channel: NAME`, without a comment after it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from ascc_async.dataset.text import clean
from ascc_async.errors import MetadataError

_IDS = {
    "videos": re.compile(r"[A-Za-z0-9_-]{11}"),
    "segments": re.compile(r"[A-Za-z0-9_-]{11}_[0-9]{1,9}"),
    "channel_ids": re.compile(r"UC[A-Za-z0-9_-]{22}"),
}
# A slip of the pen in an id must not pass for the name of a channel that nobody has.
_NEARLY_AN_ID = re.compile(r"[A-Za-z0-9_-]{9,13}|UC[A-Za-z0-9_-]{18,26}")
_COMMENT = re.compile(r"(^|\s)#.*$")
_NAMED = re.compile(r"\s*channel\s*:(.*)", re.IGNORECASE)
_HOSTS = ("youtube.com", "youtu.be", "youtube-nocookie.com")
_EXPECTED = (
    "expected a video id (11 characters), a segment id (YTID_30000), a channel id (UC and 22"
    " characters), a YouTube link to one of these, or `channel: NAME`"
)


@dataclass(frozen=True, slots=True)
class Removals:
    """Who asked not to be in the dataset. Names are compared without regard to case."""

    videos: frozenset[str] = frozenset()
    segments: frozenset[str] = frozenset()
    channel_ids: frozenset[str] = frozenset()
    channel_names: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.videos or self.segments or self.channel_ids or self.channel_names)

    def cover(self, segment_id: str, channel_id: str = "", channel: str = "") -> bool:
        """Whether the list names this segment, its video or its channel."""
        return (
            segment_id[:11] in self.videos
            or segment_id in self.segments
            or channel_id in self.channel_ids
            or (bool(self.channel_names) and _folded(channel) in self.channel_names)
        )


def read_removals(output_dir: Path) -> Removals:
    """The list in `output_dir`; empty where there is none. Raises MetadataError with the line.

    One line that cannot be understood stops everything: a request to be left out must never be
    passed over.
    """
    path = output_dir / "removals.txt"
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return Removals()
    except OSError as error:
        raise MetadataError(path, None, f"cannot be read: {error.strerror}") from error
    entries: dict[str, set[str]] = {}
    # Line by line from bytes: a wrong encoding is reported with its line.
    for number, raw in enumerate(lines, 1):
        try:
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
            named = _NAMED.match(line)
            text = (line if named else _COMMENT.sub("", line)).strip()
            if named or text:
                kind, value = _channel(named[1].strip()) if named else _entry(text)
                entries.setdefault(kind, set()).add(value)
        except UnicodeDecodeError as error:
            message = "not UTF-8: save the file as UTF-8"
            raise MetadataError(path, number, message) from error
        except ValueError as error:
            raise MetadataError(path, number, f"{error}; {_EXPECTED}") from error
    return Removals(**{kind: frozenset(values) for kind, values in entries.items()})


def _entry(text: str) -> tuple[str, str]:
    """The field of `Removals` and the value of one line. Raises ValueError."""
    if "://" in text or text.lower().startswith((*_HOSTS, "www.")):
        link = urlsplit(text if "://" in text else f"https://{text}")
        host = (link.hostname or "").lower()
        parts = [part for part in link.path.split("/") if part]
        # watch?v=ID, then youtu.be/ID and shorts/ID, then channel/ID/videos
        candidates = parse_qs(link.query).get("v", []) + parts[-1:] + parts[1:2]
        if any(host == name or host.endswith(f".{name}") for name in _HOSTS):
            for entry in filter(None, map(_id, candidates)):
                return entry
        raise ValueError(f"{text!r} is not a link to a YouTube video or channel")
    if known := _id(text):
        return known
    # AudioSet's videos are matched by ids and channel names: a handle in neither would pass unseen.
    if text.startswith("@"):
        raise ValueError(f"{text!r} is a handle, and handles are not recorded")
    if _NEARLY_AN_ID.fullmatch(text):
        raise ValueError(f"{text!r} looks like an id, but has the wrong length")
    return _channel(text)


def _id(text: str) -> tuple[str, str] | None:
    return next(((kind, text) for kind, form in _IDS.items() if form.fullmatch(text)), None)


def _channel(text: str) -> tuple[str, str]:
    if _IDS["channel_ids"].fullmatch(text):
        return "channel_ids", text
    if not _folded(text):
        raise ValueError("`channel:` without a name")
    return "channel_names", _folded(text)


def _folded(name: str) -> str:
    return clean(name).casefold()
