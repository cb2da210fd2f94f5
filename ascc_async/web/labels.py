"""What AudioSet says of each segment: from its metadata or, where that is not there, the manifest.

A folder that was copied, or made by `rebuild`, may hold no metadata.
"""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
from aiohttp import web

from ascc_async.audioset.catalog import read_catalog
from ascc_async.audioset.classes import read_class_names
from ascc_async.audioset.metadata_files import CLASS_LIST, PACKAGED_CLASS_LIST
from ascc_async.audioset.segments import ID_DTYPE, Ids, SegmentTable
from ascc_async.dataset.manifest import WITH_FILE
from ascc_async.dataset.manifest_index import ManifestIndex
from ascc_async.errors import MetadataError
from ascc_async.model import Segment
from ascc_async.settings import AudiosetSettings, Settings
from ascc_async.web.tally import Tallies

log = logging.getLogger(__name__)

_AGAIN_AFTER = 10.0  # seconds; a run may be fetching the metadata just now

Keep = Callable[[Sequence[str]], list[bool]]


class Labels(Protocol):
    """`names`: display names by MID, in the order of the class list."""

    @property
    def names(self) -> Mapping[str, str]: ...

    def segments(self, segment_ids: Sequence[str]) -> list[Segment | None]:
        """These segments; None for one that nothing is known of."""

    def having(self, mid: str) -> Keep:
        """Says of the segment ids of clips which have the label."""


@dataclass(frozen=True)
class OfMetadata:
    """Labels from AudioSet's own files."""

    names: Mapping[str, str]
    table: SegmentTable

    def segments(self, segment_ids: Sequence[str]) -> list[Segment | None]:
        """See `Labels`."""
        rows = self.table.rows_of(_video_ids(segment_ids)).tolist()
        found = [self.table.segment(row) if row >= 0 else None for row in rows]
        pairs = zip(found, segment_ids, strict=True)
        return [each if each and each.segment_id == wanted else None for each, wanted in pairs]

    def having(self, mid: str) -> Keep:
        """See `Labels`."""
        code = self.table.mids.index(mid) if mid in self.table.mids else -1
        places = np.flatnonzero(self.table.label_codes == code)
        rows = np.searchsorted(self.table.label_offsets, places, side="right") - 1
        ids = self.table.ids[self.table.sorted_rows(rows.astype(np.int32))]

        def keep(segment_ids: Sequence[str]) -> list[bool]:
            wanted = _video_ids(segment_ids)
            if not len(ids):
                return [False] * len(wanted)
            found = ids[np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)] == wanted
            holds: list[bool] = found.tolist()
            return holds

        return keep


@dataclass(frozen=True)
class OfManifest:
    """Labels from the manifest, without one of nothing."""

    index: ManifestIndex | None = None

    @property
    def names(self) -> Mapping[str, str]:
        """See `Labels`."""
        return _packaged_names()

    def segments(self, segment_ids: Sequence[str]) -> list[Segment | None]:
        """See `Labels`."""
        return [self._segment(each) for each in segment_ids]

    def _segment(self, segment_id: str) -> Segment | None:
        if self.index is None:
            return None
        rows = self.index.rows
        # A manifest is in the order of its segment ids.
        places = range(len(self.index))
        place = bisect_left(places, segment_id, key=lambda at: next(rows([at])).segment_id)
        row = next(rows(places[place : place + 1]), None)
        if row is None or row.segment_id != segment_id:
            return None
        start_ms, end_ms = (round(1000 * float(at)) for at in (row.start_seconds, row.end_seconds))
        return Segment(row.video_id, start_ms, end_ms, row.split, tuple(row.labels.split(",")))

    def having(self, mid: str) -> Keep:
        """See `Labels`."""
        ids = set[str]()
        if self.index is not None:
            clips = self.index.find(lambda kind: kind.outcome in WITH_FILE, mid)
            ids = {row.segment_id for row in self.index.rows(clips.tolist())}
        return lambda segment_ids: [each in ids for each in segment_ids]


class LabelReader:
    """Reads the metadata once; where it is not there, tries again some seconds later."""

    def __init__(
        self,
        settings: Settings,
        work: Callable[..., Awaitable[OfMetadata | None]],
        tallies: Tallies,
    ) -> None:
        """`work` calls a function in a thread."""
        self._settings, self._work, self._tallies = settings.audioset, work, tallies
        self._begun: asyncio.Future[Labels] | None = None
        self._reading: asyncio.Future[OfMetadata | None] | None = None
        self._read_at = 0.0

    def begin(self) -> None:
        """Read what there is, so that no page has to wait for it."""
        self._begun = asyncio.ensure_future(self.labels())
        # What went wrong is said to the first who asks.
        self._begun.add_done_callback(lambda begun: begun.cancelled() or begun.exception())

    def end(self) -> None:
        """Nobody waits for it any more."""
        for under_way in (self._begun, self._reading):
            if under_way is not None:
                under_way.cancel()

    async def labels(self) -> Labels:
        """What there is now."""
        now, reading = asyncio.get_running_loop().time(), self._reading
        missing = reading is not None and reading.done() and reading.result() is None
        if reading is None or (missing and now > self._read_at + _AGAIN_AFTER):
            self._read_at = now
            reading = asyncio.ensure_future(self._work(read_metadata, self._settings))
            self._reading = reading
        # Shielded: who closes the page must not end what others wait for.
        if labels := await asyncio.shield(reading):
            return labels
        with suppress(MetadataError):  # the pages of classes say what is wrong with it
            if tally := await self._tallies.newest():
                return OfManifest(tally.index)
        return OfManifest()


LABELS = web.AppKey("labels", LabelReader)


def read_metadata(settings: AudiosetSettings) -> OfMetadata | None:
    """Takes a second; None without metadata, or where it is damaged."""
    try:
        names = read_class_names(CLASS_LIST.path_in(settings.metadata_dir))
        labels = OfMetadata(names, read_catalog(settings, save=False).segments)
    except MetadataError as error:
        log.info("labels are read from the manifest", extra={"why": str(error)})
        return None
    labels.segments([""])  # sorts them, which takes long only once
    return labels


@cache
def _packaged_names() -> Mapping[str, str]:
    return read_class_names(PACKAGED_CLASS_LIST)


def _video_ids(segment_ids: Sequence[str]) -> Ids:
    return np.array([each[:11] for each in segment_ids], ID_DTYPE)
