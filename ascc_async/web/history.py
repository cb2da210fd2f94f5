"""The history of a folder as figures: licenses and clips, and what each identity was permitted."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from ascc_async.journal.reader import Reader
from ascc_async.journal.records import Minute, Permitted
from ascc_async.progress.formatting import rate, safe

_ENOUGH = 400  # points across: more than that no screen shows
_GAP = 3.0  # times the usual distance: then nothing ran in between
_LEAST = 120.0  # seconds across: a run that is younger fills a part of the picture
_ROW = 96  # pixels of one identity's requests of one kind
Figure = dict[str, Any]


def read_minutes(reader: Reader, since: float) -> list[Minute]:
    """The history from then on, as few minutes of it as a picture needs."""
    for every in (512, 256, 128, 64, 32, 16, 8, 4, 2):
        minutes = reader.minutes(since, every=every)
        if len(minutes) >= _ENOUGH:
            return minutes
    return reader.minutes(since)


def figures_of(minutes: Sequence[Minute]) -> dict[str, Figure]:
    """Plotly's figures by the name of their place; colours are names of the style sheet's. What
    has no `x` has those of `times`: said once, they are a tenth as long.
    """
    if len(minutes) < 2:
        return {}
    return {"progress": _progress(minutes), "identities": _identities(minutes)}


def _progress(minutes: Sequence[Minute]) -> Figure:
    times, places = _times(minutes)
    layout: Figure = {"xaxis": _time_axis("y2", minutes), "hovermode": "x unified", "height": 330}
    data = []
    for number, name, domain in ((1, "answers", (0.56, 1)), (2, "clips", (0, 0.44))):
        totals = [getattr(minute, name) for minute in minutes]
        speeds = [0.0] + [
            (now - before) / max(1.0, later.at - earlier.at)
            for before, now, earlier, later in zip(
                totals, totals[1:], minutes, minutes[1:], strict=False
            )
        ]
        title = "licenses" if name == "answers" else "clips"
        axis = "y" if number == 1 else f"y{number}"
        data.append(
            {
                "y": _with_gaps(totals, places),
                "text": _with_gaps([rate(speed) for speed in speeds], places),
                "name": title,
                "yaxis": axis,
                "mode": "lines",
                "fill": "tozeroy",
                "line": {"color": "--accent", "width": 2},
                "hovertemplate": "%{y:,} " + title + ", %{text}<extra></extra>",
                "showlegend": False,
            }
        )
        layout[axis.replace("y", "yaxis")] = _axis(title, domain, totals[-1])
    return {"times": times, "data": data, "layout": layout}


def _identities(minutes: Sequence[Minute]) -> Figure:
    times, places = _times(minutes)
    rows = list(
        dict.fromkeys(
            (limit.identity, limit.kind) for minute in minutes for limit in minute.identities
        )
    )
    height = _ROW * len(rows) + 40
    layout: Figure = {"xaxis": _time_axis("y", minutes), "height": height, "annotations": []}
    data: list[Figure] = []
    for number, row in enumerate(rows):
        limits = [
            next((each for each in minute.identities if (each.identity, each.kind) == row), None)
            for minute in minutes
        ]
        # The first axis at the bottom, where the time stands.
        axis = "y" if number == len(rows) - 1 else f"y{len(rows) - number}"
        bottom = 1 - (number + 1) / len(rows)
        domain = (bottom + 0.08 / len(rows), bottom + 0.72 / len(rows))
        top = 1.08 * max(max(limit.rate, limit.ceiling or 0) for limit in limits if limit)
        layout[axis.replace("y", "yaxis")] = _axis("", domain, top) | {"range": [0, top]}
        layout["annotations"].append(
            {
                "text": _label(*row),
                "x": 0,
                "xref": "paper",
                "xanchor": "left",
                "y": domain[1],
                "yref": "paper",
                "yanchor": "bottom",
                "showarrow": False,
                "font": {"color": "--text"},
            }
        )
        common = {"yaxis": axis, "showlegend": False}
        data += [common | trace for trace in _row(limits, times, places, top)]
    return {"times": times, "data": data, "layout": layout}


def _row(
    limits: Sequence[Permitted | None], times: Sequence[str], places: Sequence[int], top: float
) -> Iterator[Figure]:
    """What one identity was permitted of one kind of request."""
    corners: tuple[list[str | None], list[float | None]] = [], []
    for begin, end in _rests(limits, places):
        corners[0].extend((times[begin], times[begin], times[end], times[end], None))
        corners[1].extend((0, top, top, 0, None))
    yield {
        "x": corners[0],
        "y": corners[1],
        "mode": "lines",
        "line": {"width": 0},
        "fill": "toself",
        "fillcolor": "--warn-back",
        "hoverinfo": "skip",
    }
    yield {
        "y": _with_gaps([limit and limit.ceiling for limit in limits], places),
        "mode": "lines",
        "line": {"color": "--warn", "dash": "dot", "width": 1.5, "shape": "hv"},
        "hovertemplate": "refused at %{y:.3~r}/s<extra></extra>",
    }
    yield {
        "y": _with_gaps([limit and limit.rate for limit in limits], places),
        # Of a single minute no line can be drawn.
        "mode": "lines" if len([limit for limit in limits if limit]) > 1 else "markers",
        "line": {"color": "--accent", "width": 2, "shape": "hv"},
        "hovertemplate": "%{x}: permitted %{y:.3~r}/s<extra></extra>",
    }
    refused = [
        (times[place], limit.refusals - (before.refusals if before else 0))
        for place, before, limit in zip(places[1:], limits, limits[1:], strict=False)
        if limit and limit.refusals > (before.refusals if before else 0)
    ]
    yield {
        "x": [at for at, _ in refused],
        "y": [top / 12] * len(refused),
        "text": [number for _, number in refused],
        "mode": "markers",
        "marker": {"color": "--bad", "symbol": "line-ns", "size": 8,
                   "line": {"color": "--bad", "width": 1.5}},
        "hovertemplate": "%{x}: %{text} refused<extra></extra>",
    }  # fmt: skip


def _label(identity: str, kind: str) -> str:
    name = safe(identity)
    # Plotly takes some tags for its own.
    return html.escape(f"{name if len(name) < 28 else name[:27] + '…'} · {kind}", quote=False)


def _rests(limits: Sequence[Permitted | None], places: Sequence[int]) -> list[tuple[int, int]]:
    """From where to where it rested."""
    spans: list[tuple[int, int]] = []
    for before, limit, place in zip(places, limits[1:], places[1:], strict=False):
        if limit and limit.resting:
            if spans and spans[-1][1] == before:
                spans[-1] = spans[-1][0], place
            elif place == before + 1:  # else nothing ran in between
                spans.append((before, place))
    return spans


def _times(minutes: Sequence[Minute]) -> tuple[list[str], list[int]]:
    """Local times as Plotly takes them, with a place more where nothing ran; and the minutes'."""
    usual = sorted(b.at - a.at for a, b in pairwise(minutes))
    longest = _GAP * max(60.0, usual[len(usual) // 2])
    times: list[str] = []
    places: list[int] = []
    for before, minute in zip((None, *minutes), minutes, strict=False):
        if before and (minute.begins or minute.at - before.at > longest):
            times.append(_local(before.at + 1))
        places.append(len(times))
        times.append(_local(minute.at))
    return times, places


def _with_gaps(values: Sequence[Any], places: Sequence[int]) -> list[Any]:
    """None where nothing ran: the line breaks there."""
    spread = [None] * (places[-1] + 1)
    for value, place in zip(values, places, strict=True):
        spread[place] = value
    return spread


def _local(at: float) -> str:
    return datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M:%S")


def _time_axis(anchor: str, minutes: Sequence[Minute]) -> Figure:
    begin, end = minutes[0].at, minutes[-1].at
    ends = [_local(begin), _local(max(end, begin + _LEAST))]
    return {"type": "date", "anchor": anchor, "range": ends, "hoverformat": "%Y-%m-%d %H:%M"}


def _axis(title: str, domain: tuple[float, float], top: float) -> Figure:
    # Nobody reads more than three numbers of so small an axis.
    return {
        "title": {"text": title},
        "domain": list(domain),
        "rangemode": "tozero",
        "nticks": 4,
        "fixedrange": True,
        "tickformat": "~s" if top >= 1000 else "~r",  # 2M, but 0.5 instead of 500m
    }
