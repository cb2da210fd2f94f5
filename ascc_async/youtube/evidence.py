"""What is kept of an answer that says Creative Commons: the part the license is read from.

Chosen by name, so that nothing else comes along: nothing that tells of the viewer (login, visitor
data), no tracking, no token in a link.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ascc_async.youtube.json_reading import inside

_RESULTS = "contents.twoColumnWatchNextResults.results.results.contents"
_OWNER = f"{_RESULTS}.videoSecondaryInfoRenderer.owner.videoOwnerRenderer"
# What `read_watch_answer` reads.
WATCH_PATHS = (
    f"{_RESULTS}.videoPrimaryInfoRenderer.title.runs.text",
    f"{_RESULTS}.videoPrimaryInfoRenderer.title.simpleText",
    f"{_RESULTS}.videoPrimaryInfoRenderer.dateText.simpleText",
    f"{_OWNER}.title.runs.text",
    f"{_OWNER}.attributedTitle.content",
    f"{_OWNER}.title.runs.navigationEndpoint.browseEndpoint.browseId",
    f"{_OWNER}.navigationEndpoint.browseEndpoint.browseId",
    # The whole container: a part of it that was renamed must be seen, not masked away.
    f"{_RESULTS}.videoSecondaryInfoRenderer.metadataRowContainer",
    "currentVideoEndpoint.watchEndpoint.videoId",
)
_PAGE_PATHS = ("videoDetails.videoId",)  # where the player's part of a page names the video
_ITEM_PATHS = (
    "items.id", "items.status.license", "items.snippet.title", "items.snippet.channelTitle",
    "items.snippet.channelId", "items.snippet.publishedAt",
)  # fmt: skip
# Below a path that names a whole part: its words and its links.
_TEXTS = frozenset({"text", "simpleText", "content", "title"})

_Tree = dict[str, "_Tree"]


def _tree(*paths: str) -> _Tree:
    tree: _Tree = {}
    for path in paths:
        node = tree
        for name in path.split("."):
            node = node.setdefault(name, {})
    return tree


_KEPT = _tree(*WATCH_PATHS, *_PAGE_PATHS, *_ITEM_PATHS)


def evidence_in(answer: Mapping[str, Any]) -> str:
    """The part of an answer from which license, credits and video id are read, as JSON.

    Empty where it is nested deeper than Python can follow.
    """
    try:
        return json.dumps(_chosen(answer, _KEPT), ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        return ""


def _chosen(node: Any, names: _Tree) -> Any:
    """The parts of these names, all of a part that names no others."""
    if isinstance(node, list):
        return [part for each in node if (part := _chosen(each, names))]
    if not names:
        return node if isinstance(node, str) else _words_and_links(node)
    parts = ((name, _chosen(inside(node).get(name), inner)) for name, inner in names.items())
    return {name: part for name, part in parts if part}


def _words_and_links(node: Any) -> Any:
    if isinstance(node, list):
        return [part for each in node if (part := _words_and_links(each))]
    kept = {}
    for name, value in inside(node).items():
        if not isinstance(value, str):
            value = _words_and_links(value)
        elif name == "url":
            value = value.partition("?")[0]  # after it there may be a token of the viewer's
        elif name not in _TEXTS:
            continue
        if value:
            kept[name] = value
    return kept
