"""What the pages about classes and about what is missing stand on: the manifest, counted.

The manifest and not the journal: so they show the numbers of the card and of `status`, and those of
a dataset that came without its journal and metadata. A run writes it every few minutes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from aiohttp import web
from aiohttp.typedefs import Handler

from ascc_async.audioset.metadata_files import ONTOLOGY
from ascc_async.audioset.ontology import Ontology, read_ontology
from ascc_async.dataset.counts import Kinds, total
from ascc_async.dataset.manifest import MANIFEST
from ascc_async.dataset.manifest_index import ManifestIndex
from ascc_async.dataset.published_clips import manifest_in
from ascc_async.dataset.rebuild import chosen_classes
from ascc_async.model import License, Outcome
from ascc_async.settings import Settings

_PATIENCE = 3.0  # seconds before a page says that the manifest is being counted
_ANSWERED = (License.CREATIVE_COMMONS, License.STANDARD, License.UNAVAILABLE)


@dataclass(frozen=True)
class ClassTally:
    """A chosen class. `quality`: the share of its labels that raters confirmed, if any did."""

    mid: str
    name: str
    quality: float | None
    kinds: Kinds

    @cached_property
    def segments(self) -> int:
        """Selected segments that hold it."""
        return total(self.kinds)

    @cached_property
    def answered(self) -> int:
        """Those of which it is known what the license is, or that the video is gone."""
        return total(self.kinds, lambda kind: kind.license in _ANSWERED)

    @cached_property
    def shareable(self) -> int:
        """Those that are Creative Commons."""
        return total(self.kinds, lambda kind: kind.license == License.CREATIVE_COMMONS)

    @cached_property
    def clips(self) -> int:
        """Clips that hold it."""
        return total(self.kinds, lambda kind: kind.outcome == Outcome.CLIP)

    @property
    def share(self) -> float:
        """Creative Commons of those answered, 0 to 1."""
        return self.shareable / self.answered if self.answered else 0.0


@dataclass(frozen=True)
class Tally:
    """`written_at`: when the manifest was (POSIX time). `ontology` is None without metadata."""

    written_at: float
    index: ManifestIndex
    classes: Mapping[str, ClassTally]
    ontology: Ontology | None

    @cached_property
    def parents(self) -> Mapping[str, tuple[str, ...]]:
        """Of each class those right above it, as the ontology orders them; it is no tree."""
        parents: dict[str, tuple[str, ...]] = {}
        for node in self.ontology.nodes.values() if self.ontology else ():
            for child in node.children:
                parents[child] = (*parents.get(child, ()), node.mid)
        return parents

    @property
    def held(self) -> int:
        """How many classes have clips."""
        return sum(each.clips > 0 for each in self.classes.values())

    @property
    def children(self) -> Mapping[str, tuple[str, ...]]:
        """Of each class those right below it."""
        nodes = self.ontology.nodes.values() if self.ontology else ()
        return {node.mid: node.children for node in nodes}

    def of(self, mid: str) -> ClassTally | None:
        """A class, also one of the ontology that was not chosen."""
        if mid in self.classes or self.ontology is None or mid not in self.ontology:
            return self.classes.get(mid)
        return ClassTally(mid, self.ontology.nodes[mid].name, None, self.index.classes.get(mid, {}))

    def name(self, mid: str) -> str:
        """Its display name, the MID where nobody knows it."""
        found = self.of(mid)
        return found.name if found else mid


def read_tally(settings: Settings) -> Tally:
    """Two million rows take seconds. Raises SetupError without a dataset, MetadataError."""
    manifest = manifest_in(settings.output.dir)
    written_at = manifest.stat().st_mtime
    index = ManifestIndex(manifest)
    chosen = chosen_classes(manifest.with_name("suitable_classes.csv"), sorted(index.classes))
    classes = {
        item.mid: ClassTally(item.mid, item.name, item.quality, index.classes.get(item.mid, {}))
        for item in chosen
    }
    ontology = ONTOLOGY.find(settings.audioset.metadata_dir)
    return Tally(written_at, index, classes, read_ontology(ontology) if ontology else None)


Page = Callable[[web.Request, Tally | None], Awaitable[web.StreamResponse]]


class StillCounting(Exception):
    """The manifest is being counted: come again. A disk that is too slow is another matter."""


class Tallies:
    """The newest tally. While another manifest is counted, the one before is still given."""

    def __init__(self, settings: Settings, work: Callable[..., Awaitable[Tally]]) -> None:
        """`work` calls a function in a thread."""
        self._settings, self._work = settings, work
        self._manifest = settings.output.dir / MANIFEST
        self._newest: asyncio.Future[Tally] | None = None
        self._before: asyncio.Future[Tally] | None = None
        self._stamp: list[tuple[int, int, int]] = []

    async def newest(self) -> Tally | None:
        """None while there is no manifest. Raises MetadataError, until there are other files;
        StillCounting while the first one is counted.
        """
        ontology = ONTOLOGY.find(self._settings.audioset.metadata_dir)
        try:
            stats = [path.stat() for path in (self._manifest, ontology) if path]
        except OSError:
            return None
        stamp = [(stat.st_ino, stat.st_mtime_ns, stat.st_size) for stat in stats]
        newest = self._newest
        if newest is None or (newest.done() and stamp != self._stamp):
            self._before, self._stamp = newest, stamp
            newest = asyncio.ensure_future(self._work(read_tally, self._settings))
            self._newest = newest
        if newest.done():
            self._before = None
        if self._before and not self._before.exception():
            return self._before.result()
        # So waited for, it goes on for others when somebody closes the page.
        await asyncio.wait([newest], timeout=_PATIENCE)
        if not newest.done():
            raise StillCounting
        return newest.result()


TALLIES = web.AppKey("tallies", Tallies)


def counted(page: Page) -> Handler:
    """The page with the newest tally."""

    async def handler(request: web.Request) -> web.StreamResponse:
        return await page(request, await request.app[TALLIES].newest())

    return handler
