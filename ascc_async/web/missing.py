"""`/missing`: what became of the selected segments. `/missing/list`: which they are."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from urllib.parse import urlencode

from aiohttp import web

from ascc_async.dataset.counts import RowKind
from ascc_async.dataset.manifest import ManifestRow
from ascc_async.progress.formatting import moment
from ascc_async.web.flow import Step, flows, steps
from ascc_async.web.shown_folder import SHOWN
from ascc_async.web.tally import Tally, counted

_ROWS = 100
_KEYS = ("license", "outcome", "reason", "tried", "class")


async def page(request: web.Request, tally: Tally | None) -> web.Response:
    """The flow from «selected» to «clip», and what to do about what is missing."""
    root = steps(tally.index.kinds) if tally else None
    return request.app[SHOWN].page(
        request,
        "missing.html",
        title="Missing",
        tally=tally,
        root=root,
        flows=flows(root) if root else {},
    )


async def listed(request: web.Request, tally: Tally | None) -> web.Response:
    """The segments of one step of the flow, a page at a time."""
    shown, query = request.app[SHOWN], request.query
    wanted = {key: query[key] for key in _KEYS if key in query}
    number = query.get("page", "1")[:9]
    page = int(number) if number.isdecimal() else 0
    trail = trail_to(tally, wanted) if tally else []
    rows, total = await shown.work(listed_rows, tally, wanted, page) if trail else ([], 0)
    if tally is None or not rows:
        problem = "No segment of this dataset is at that step now: choose one under «Missing»."
        return shown.page(
            request, "problem.html", status=404, title="No such segments", problem=problem
        )
    pages = {"Previous": page - 1, "Next": page + 1}
    return shown.page(
        request,
        "missing_list.html",
        title=trail[-1].name.replace("_", " ").capitalize(),
        trail=trail,
        about=tally.of(wanted["class"]) if "class" in wanted else None,
        rows=rows,
        local=_local,
        total=total,
        first=(page - 1) * _ROWS + 1,
        others={
            name: f"/missing/list?{urlencode(wanted | {'page': other})}"
            for name, other in pages.items()
            if 0 < other <= -(-total // _ROWS)
        },
    )


def _local(iso: str) -> str:
    """The time as on every other page: the manifest has it in UTC."""
    with suppress(ValueError):
        return moment(datetime.fromisoformat(iso).timestamp())
    return iso or "–"


def trail_to(tally: Tally, wanted: Mapping[str, str]) -> list[Step]:
    """The steps that lead to these segments; nothing where there are none."""
    mid = wanted.get("class")
    trail: list[Step] = []
    kinds = tally.index.classes.get(mid, {}) if mid else tally.index.kinds
    for depth, step in steps(kinds, mid).walk():
        trail[depth:] = [step]
        if step.query == wanted and step.number:
            return trail
    return []


def listed_rows(
    tally: Tally, wanted: Mapping[str, str], page: int
) -> tuple[list[ManifestRow], int]:
    """One page of them, and how many there are."""

    def is_wanted(kind: RowKind) -> bool:
        said = kind._asdict() | {"tried": "yes" if kind.tried else "no"}
        return all(said[key] == value for key, value in wanted.items() if key != "class")

    found = tally.index.find(is_wanted, wanted.get("class"))
    shown = found[(page - 1) * _ROWS : page * _ROWS]
    return list(tally.index.rows(shown.tolist())), len(found)


ROUTES = [web.get("/missing", counted(page)), web.get("/missing/list", counted(listed))]
