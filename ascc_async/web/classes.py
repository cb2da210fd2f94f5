"""`/classes`: the classes as a map and a table. `/classes/<MID>`: one of them."""

from __future__ import annotations

from aiohttp import web

from ascc_async.web.class_map import class_address, class_map
from ascc_async.web.flow import flow, steps
from ascc_async.web.shown_folder import SHOWN
from ascc_async.web.tally import Tally, counted


async def page(request: web.Request, tally: Tally | None) -> web.Response:
    """All that were chosen, those with most clips first."""
    return request.app[SHOWN].page(
        request,
        "classes.html",
        title="Classes",
        tally=tally,
        figure=class_map(tally) if tally else None,
    )


async def one(request: web.Request, tally: Tally | None) -> web.Response:
    """What became of the segments that hold it, and where it stands in the ontology."""
    mid = f"/{request.match_info['mid']}"
    found = tally.of(mid) if tally else None
    if tally is None or found is None:
        problem = f"{mid} is no class of this dataset, or there is no dataset yet."
        return request.app[SHOWN].page(
            request, "problem.html", status=404, title="No such class", problem=problem
        )
    root = steps(found.kinds, mid)
    return request.app[SHOWN].page(
        request,
        "class.html",
        title=found.name,
        tally=tally,
        found=found,
        above=[tally.of(each) for each in tally.parents.get(mid, ())],
        inside=[tally.of(each) for each in tally.children.get(mid, ())],
        root=root,
        figure=flow(root),
        address=class_address,
    )


ROUTES = [
    web.get("/classes", counted(page)),
    web.get(r"/classes/{mid:[a-z]/[A-Za-z0-9_-]+}", counted(one)),
]
