"""Is a file that was downloaded the file it should be, and all of it?

Quick checks only, to catch a portal's page or half a file while it can be fetched again; reading
it properly comes later.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from ascc_async.audioset.inputs import CLASS_LIST, ONTOLOGY, QUALITY_COUNTS, RERATED
from ascc_async.errors import NetworkFault, SetupError

_ROWS = re.compile(rb"num_segs\s*=\s*(\d{1,12})")
_HEADINGS = {CLASS_LIST: b"index,mid,display_name", QUALITY_COUNTS: b"label_id,num_rated,num_true"}


def check_arrived(name: str, path: Path, url: str) -> None:
    """Raises `NetworkFault` for half a file, `SetupError` for something else altogether."""
    with path.open("rb") as file:
        head = file.read(4096)
    if _is_something_else(name, head):
        begins = head[:40].decode("utf-8", "replace")
        raise SetupError(
            f"{url} answers with something else than {name} (it begins with {begins!r}): a sign-in"
            " page of this network? Sign in and start again, or correct audioset.base_url"
        )
    if name == ONTOLOGY:
        _check_json(path)
    elif name != RERATED:
        _check_lines(name, path, head)


def _is_something_else(name: str, head: bytes) -> bool:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text or text.startswith(b"<"):
        return True
    if name == ONTOLOGY:
        return not text.startswith(b"[")
    if name in _HEADINGS:
        return not text.startswith(_HEADINGS[name])
    return name != RERATED and b"," not in text


def _check_json(path: Path) -> None:
    try:
        json.loads(path.read_bytes())
    except ValueError as error:
        raise NetworkFault(f"{ONTOLOGY} came cut short ({error})", kind="short_body") from None


def _check_lines(name: str, path: Path, head: bytes) -> None:
    lines = 0
    last = b""
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            lines += piece.count(b"\n")
            last = piece[-1:]
    comments = sum(line.startswith(b"#") for line in head.split(b"\n"))
    promised = _ROWS.search(head)
    if last != b"\n" and name not in _HEADINGS:
        raise NetworkFault(f"{name} came cut short within a line", kind="short_body")
    if promised and lines - comments < int(promised[1]):
        words = f"{lines - comments} of {int(promised[1])} rows"
        raise NetworkFault(f"{name} came cut short: {words}", kind="short_body")
