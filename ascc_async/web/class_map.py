"""The classes as a map: every class an area as large as its clips, inside those above it."""

from __future__ import annotations

import html
import textwrap
from collections import defaultdict
from typing import Any

from ascc_async.progress.formatting import count, share
from ascc_async.web.tally import ClassTally, Tally

_ALL = "all"


def class_address(mid: str) -> str:
    """Its page: `/classes/m/0bt9lr`."""
    return f"/classes{mid}"


def class_map(tally: Tally, *, linked: bool = True) -> dict[str, Any] | None:
    """A figure of plotly's, colours by their names; None where there is no clip.

    A class with several others above it stands in the first, so that no area counts twice. The
    colour is the share of Creative Commons of a class and all inside it. `linked`: classes have
    addresses.
    """
    held = {mid: each for mid, each in tally.classes.items() if each.clips}
    if not held:
        return None
    inside: dict[str, str] = {}
    for mid in held:
        while mid != _ALL and mid not in inside:
            inside[mid] = tally.parents.get(mid, (_ALL,))[0]
            mid = inside[mid]
    clips, shareable, answered = (defaultdict[str, int](int) for _ in range(3))
    for mid, each in held.items():
        place: str | None = mid
        while place is not None:
            clips[place] += each.clips
            shareable[place] += each.shareable
            answered[place] += each.answered
            place = inside.get(place)
    mids = [_ALL, *inside]
    # Plotly reads some HTML in labels.
    names = ["All classes", *(html.escape(tally.name(mid), quote=False) for mid in inside)]
    # Areas with others in them show their label, the rest their text. All together has no number:
    # a clip of several classes would count several times.
    labels = names[:1] + [
        f"{name} {count(clips[mid])}" for mid, name in zip(inside, names[1:], strict=True)
    ]
    shares = [shareable[mid] / answered[mid] for mid in mids]
    return {
        "data": [
            {
                "type": "treemap",
                "branchvalues": "remainder",
                "ids": mids,
                "parents": ["", *inside.values()],
                "labels": labels,
                "values": [held[mid].clips if mid in held else 0 for mid in mids],
                # In short lines, so that it fits into an area that is as wide as high.
                "text": [
                    "<br>".join(textwrap.wrap(label, 12, break_long_words=False))
                    for label in labels
                ],
                "hovertext": names,
                "customdata": [
                    [
                        class_address(mid) if linked and mid in tally.classes else "",
                        _words(held.get(mid), clips[mid]),
                        f"Creative Commons: {share(shareable[mid], answered[mid])} of the"
                        f" {count(answered[mid])} answered",
                    ]
                    for mid in mids
                ],
                "texttemplate": "%{text}",
                "hovertemplate": "<b>%{hovertext}</b><br>%{customdata[1]}<br>%{customdata[2]}"
                "<extra></extra>",
                "marker": {
                    "colors": [round(value, 5) for value in shares],
                    "colorscale": [[0, "--scale-low"], [1, "--scale-high"]],
                    "cmin": 0,
                    "cmax": max(shares),
                    "showscale": True,
                    "line": {"width": 1, "color": "--card"},
                    "pad": {"t": 22, "l": 3, "r": 3, "b": 3},
                    "colorbar": {
                        "title": {"text": "Share of Creative Commons", "side": "top"},
                        "tickformat": ".3~p",
                        "orientation": "h",
                        "thickness": 10,
                        "len": 1,
                        "x": 0,
                        "xanchor": "left",
                        "y": 0,
                        "yanchor": "top",
                        "outlinewidth": 0,
                    },
                },
                "textfont": {"color": "--text"},
                "maxdepth": 4,
                "pathbar": {"thickness": 18},
                "tiling": {"pad": 2},
                "root": {"color": "--card"},
            }
        ],
        "layout": {
            "margin": {"l": 0, "r": 0, "t": 20, "b": 64},
            # A label that fits only in smaller letters than these is not shown.
            "uniformtext": {"minsize": 10, "mode": "hide"},
        },
    }


def _words(own: ClassTally | None, clips: int) -> str:
    """How many clips are in an area, and how many of them hold the class itself."""
    if own is None:
        return f"{count(clips)} in the classes inside"
    inside = f", {count(clips - own.clips)} in the classes inside" if clips > own.clips else ""
    return f"{count(own.clips)} clips{inside}"
