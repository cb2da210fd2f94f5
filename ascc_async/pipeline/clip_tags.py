"""What a clip's tags say: the words that the manifest will have of it."""

from __future__ import annotations

import asyncio

from ascc_async.audioset.classes import read_class_names
from ascc_async.audioset.metadata_files import PACKAGED_CLASS_LIST
from ascc_async.dataset.credits import LICENSE_NAME, source_link
from ascc_async.dataset.eligibility import Credits, credits_of
from ascc_async.dataset.rebuild import Recipe
from ascc_async.journal.reader import Reader
from ascc_async.journal.records import ClipRow
from ascc_async.media.tags import Tags
from ascc_async.model import CREATIVE_COMMONS_DEED, Resolved, Segment


class ClipTags:
    """The tags of clips; in a rebuild those of the manifest that it goes by, for equal bytes."""

    def __init__(self, reader: Reader, recipe: Recipe | None) -> None:
        self._reader = reader
        # The copy that comes with the program: a rebuild from a manifest alone has no other.
        self._names = read_class_names(PACKAGED_CLASS_LIST)
        self._words: dict[str, Credits] = recipe.credits() if recipe else {}

    async def of(self, segment: Segment, credit: Resolved | ClipRow) -> Tags:
        """`credit` says whose the video is where the license answer does not."""
        words = self._words.get(segment.segment_id)
        if words is None:
            # In a thread: a disk that is busy must not hold up the event loop.
            answer = await asyncio.to_thread(self._reader.answer, segment.video_id)
            words = credits_of(answer, credit)
        return Tags(
            words.title,
            words.channel,
            source_link(segment.video_id, segment.start_ms // 1000),
            LICENSE_NAME,
            CREATIVE_COMMONS_DEED,
            tuple(self._names.get(mid, mid) for mid in segment.labels),
        )
