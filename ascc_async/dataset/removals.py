"""The removal list `output.dir/removals.txt`: videos and channels that the dataset must not hold.

One entry a line; `#` starts a comment at the start of a line or after a space. An entry is a video
id, a segment id, a YouTube link to a video or channel, a channel id, or a channel's name. Where a
name could be taken for an id, or holds a `#`, write `channel: NAME`, without a comment after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from ascc_async.dataset.text import clean
from ascc_async.errors import MetadataError

FILE_NAME = "removals.txt"

_VIDEO = re.compile(r"[A-Za-z0-9_-]{11}")
_SEGMENT = re.compile(r"[A-Za-z0-9_-]{11}_[0-9]{1,9}")
_CHANNEL = re.compile(r"UC[A-Za-z0-9_-]{22}")
_NEARLY_AN_ID = re.compile(r"[A-Za-z0-9_-]{9,13}|UC[A-Za-z0-9_-]{18,26}")
_COMMENT = re.compile(r"(^|\s)#.*$")
_NAMED = re.compile(r"\s*channel\s*:", re.IGNORECASE)
_HOSTS = ("youtube.com", "youtu.be", "youtube-nocookie.com")
_ALLOWED = (
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

    def __len__(self) -> int:
        return sum(map(len, (self.videos, self.segments, self.channel_ids, self.channel_names)), 0)

    def hold(
        self, video_id: str, segment_id: str = "", channel_id: str = "", channel: str = ""
    ) -> bool:
        """Whether the list names this video, segment or its channel."""
        return (
            video_id in self.videos
            or segment_id in self.segments
            or channel_id in self.channel_ids
            or (bool(self.channel_names) and _folded(channel) in self.channel_names)
        )


def read_removals(output_dir: Path) -> Removals:
    """The list in `output_dir`; empty where there is none. Raises MetadataError with the line."""
    path = output_dir / FILE_NAME
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Removals()
    except OSError as error:
        raise MetadataError(path, None, f"cannot be read: {error.strerror}") from None
    return parse_removals(data, path)


def parse_removals(data: bytes, path: Path) -> Removals:
    """The list from its bytes; `path` is for messages. Raises MetadataError with the line."""
    lines = (_decode(line, path, at) for at, line in enumerate(data.splitlines(), 1))
    entries = ((at, _without_comment(line)) for at, line in enumerate(lines, 1))
    return _gather(_entry(text, path, at) for at, text in entries if text)


def _without_comment(line: str) -> str:
    return (line if _NAMED.match(line) else _COMMENT.sub("", line)).strip()


def _decode(line: bytes, path: Path, at: int) -> str:
    try:
        return line.decode("utf-8-sig" if at == 1 else "utf-8")
    except UnicodeDecodeError:
        raise MetadataError(path, at, "not UTF-8: save the file as UTF-8") from None


def _gather(entries: Iterable[tuple[str, str]]) -> Removals:
    found: dict[str, set[str]] = {}
    for kind, value in entries:
        found.setdefault(kind, set()).add(value)
    return Removals(**{kind: frozenset(values) for kind, values in found.items()})


def _entry(text: str, path: Path, at: int) -> tuple[str, str]:
    """The field of `Removals` and the value of one line."""
    if _NAMED.match(text):
        return _channel(text.partition(":")[2].strip(), path, at)
    if "://" in text or text.lower().startswith(_HOSTS) or text.lower().startswith("www."):
        return _link(text, path, at)
    if known := _id(text):
        return known
    if text.startswith("@"):
        raise MetadataError(path, at, f"{text!r} is a handle, which cannot be matched; {_ALLOWED}")
    if _NEARLY_AN_ID.fullmatch(text):
        raise MetadataError(path, at, f"{text!r} is nearly an id, but not one; {_ALLOWED}")
    return _channel(text, path, at)


def _id(text: str) -> tuple[str, str] | None:
    if _VIDEO.fullmatch(text):
        return "videos", text
    if _SEGMENT.fullmatch(text):
        return "segments", text
    if _CHANNEL.fullmatch(text):
        return "channel_ids", text
    return None


def _channel(text: str, path: Path, at: int) -> tuple[str, str]:
    if _CHANNEL.fullmatch(text):
        return "channel_ids", text
    if not _folded(text):
        raise MetadataError(path, at, f"no channel named; {_ALLOWED}")
    return "channel_names", _folded(text)


def _link(text: str, path: Path, at: int) -> tuple[str, str]:
    parts = urlsplit(text if "://" in text else f"https://{text}")
    host = (parts.hostname or "").lower()
    named = [part for part in parts.path.split("/") if part]
    candidates = parse_qs(parts.query).get("v", []) + named[-1:] + named[1:2]
    if any(host == name or host.endswith(f".{name}") for name in _HOSTS):
        found = next(filter(None, map(_id, candidates)), None)
        if found:
            return found
    raise MetadataError(path, at, f"{text!r} is no link to a YouTube video or channel; {_ALLOWED}")


def _folded(name: str) -> str:
    return clean(name).casefold()
