"""What AudioSet says of each segment: from its metadata or, where that is not there, the manifest.

A folder that was copied, or made by `rebuild`, may hold no metadata.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ascc_async.audioset.catalog import read_catalog
from ascc_async.audioset.classes import read_class_names
from ascc_async.audioset.metadata_files import CLASS_LIST, PACKAGED_CLASS_LIST
from ascc_async.audioset.segments import ID_DTYPE, Ids, SegmentTable, offsets
from ascc_async.dataset.manifest import manifest_pages
from ascc_async.errors import MetadataError
from ascc_async.model import Segment
from ascc_async.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Labels:
    """`names`: display names by MID, in the order of the class list."""

    names: Mapping[str, str]
    table: SegmentTable

    def segments(self, segment_ids: Sequence[str]) -> list[Segment | None]:
        """These segments; None for one that nothing is known of."""
        rows = self.table.rows_of(_video_ids(segment_ids))
        found = [self.table.segment(row) if row >= 0 else None for row in rows.tolist()]
        pairs = zip(found, segment_ids, strict=True)
        return [each if each and each.segment_id == wanted else None for each, wanted in pairs]

    def having(self, mid: str) -> Callable[[Sequence[str]], list[bool]]:
        """Says of segment ids which have the label."""
        code = self.table.mids.index(mid) if mid in self.table.mids else -1
        rows = np.repeat(np.arange(len(self.table), dtype=np.int32), self.table.label_counts())
        ids = self.table.ids[self.table.sorted_rows(rows[self.table.label_codes == code])]

        def keep(segment_ids: Sequence[str]) -> list[bool]:
            wanted = _video_ids(segment_ids)
            if not len(ids):
                return [False] * len(wanted)
            found = ids[np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)] == wanted
            holds: list[bool] = found.tolist()
            return holds

        return keep


def read_labels(settings: Settings) -> Labels:
    """Takes a second with the metadata, more with a manifest of two million rows."""
    try:
        names = read_class_names(CLASS_LIST.path_in(settings.audioset.metadata_dir))
        return Labels(names, read_catalog(settings.audioset).segments)
    except MetadataError as error:
        log.info("labels are read from the manifest", extra={"why": str(error)})
        names = read_class_names(PACKAGED_CLASS_LIST)
        manifest = settings.output.dir / "dataset" / "manifest.csv"
        return Labels(names, _table_of(manifest, list(names)))


def _table_of(manifest: Path, mids: Sequence[str]) -> SegmentTable:
    """The rows of a manifest, none where there is none or it is damaged."""
    codes = {mid: code for code, mid in enumerate(mids)}
    splits: dict[str, int] = {}
    ids, starts, ends = [np.empty(0, ID_DTYPE)], [np.empty(0, np.int32)], [np.empty(0, np.int32)]
    split, counts, labels = [np.empty(0, np.uint8)], [np.empty(0, np.int64)], list[int]()
    try:
        for page in manifest_pages(manifest) if manifest.exists() else ():
            ids.append(page.video_id.to_numpy().astype(ID_DTYPE))
            for column, times in (("start_seconds", starts), ("end_seconds", ends)):
                milliseconds = (page[column].astype(float) * 1000).round()
                times.append(milliseconds.to_numpy().astype(np.int32))
            numbers = [splits.setdefault(name, len(splits)) for name in page.split]
            split.append(np.array(numbers, np.uint8))
            rows = [each.split(",") for each in page.labels]
            counts.append(np.array([len(row) for row in rows], np.int64))
            labels += [codes.setdefault(mid, len(codes)) for row in rows for mid in row]
    except MetadataError as error:
        log.warning("the manifest cannot be read: labels are missing", extra={"why": str(error)})
    return SegmentTable(
        np.concatenate(ids), np.concatenate(starts), np.concatenate(ends), np.concatenate(split),
        tuple(splits), offsets(np.concatenate(counts)), np.array(labels, np.uint16), tuple(codes),
    )  # fmt: skip


def _video_ids(segment_ids: Sequence[str]) -> Ids:
    return np.array([each[:11] for each in segment_ids], ID_DTYPE)
