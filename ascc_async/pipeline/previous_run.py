"""What is different from the last run here: its settings, its accounts, and what follows."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ascc_async.audioset.segments import Bools
from ascc_async.audioset.selection import Selection
from ascc_async.journal.reader import Reader
from ascc_async.journal.records import Forgotten, Learned
from ascc_async.media.encoding import PADDED, PAST_ITS_END, SHORT, encoding_of
from ascc_async.model import Outcome, Reason
from ascc_async.network.cookies import IdentityCookies
from ascc_async.pipeline.journal_index import JournalIndex
from ascc_async.pipeline.reconcile import Records, reconcile
from ascc_async.settings import ClipsSettings, NetworkSettings, Settings, without_password

log = logging.getLogger(__name__)

# Keys under which a run leaves these things in the journal; version 0.1 wrote the same.
_SETTINGS, _SHORT, _ACCESS = "settings", "short/", "access"
# Settings that say what the dataset is, not how fast or by which way it came.
_COMPARED = ("audioset", "classes", "sampling", "license", "clips")
_SECONDS_TO_ENCODE = 0.3  # a clip of ten seconds, by one core
_PAGES_A_CLIP = 2  # where the sound is, and the second look at the license
_MOST_CHARACTERS = 60  # of a value that is shown


async def catch_up(
    settings: Settings,
    selection: Selection,
    records: Records,
    jars: Mapping[str, IdentityCookies],
) -> tuple[JournalIndex, tuple[str, ...]]:
    """Bring the journal up to date with settings and files: what it knows then, and the settings
    that changed.
    """
    journal, reader, encoding = records.journal, records.reader, encoding_of(settings.clips)
    changed = await asyncio.to_thread(changed_settings, reader, settings)
    await journal.record(*await asyncio.to_thread(short_clips, reader, settings.clips))
    await reconcile(records, encoding)
    access = access_since(reader, settings.network, jars, time.time())
    await journal.record(access)
    # Last: it takes the journal as these steps leave it.
    since, removals = access.value["since"], records.removals
    index = JournalIndex(selection, settings.license, removals=removals, access_since=since)
    await asyncio.to_thread(index.load, reader, encoding)
    again = clips_again(index, settings)
    what = [f"changed since the last run: {', '.join(changed)}"] if changed else []
    if again.from_lossless or again.fetched:
        what.append(str(again))
    if what:  # what has a price is shown beside the dashboard, too
        level = logging.WARNING if again.fetched else logging.INFO
        log.log(level, "%(what)s", {"what": "; ".join(what)})
    return index, changed


def changed_settings(reader: Reader, settings: Settings) -> tuple[str, ...]:
    """The settings of the dataset that are not as in the last run, `key: before → now`."""
    before = reader.learned(_SETTINGS).get("")
    if not isinstance(before, dict):
        return ()
    now = _compared(settings)
    return tuple(
        f"{key}: {_shown(before[key])} → {_shown(now[key])}"
        for key in sorted(before.keys() & now.keys())  # an older version knew fewer settings
        if before[key] != now[key]
    )


def settings_to_remember(settings: Settings) -> Learned:
    """What `changed_settings` compares with in the next run."""
    return Learned(_SETTINGS, _compared(settings))


def _compared(settings: Settings) -> dict[str, Any]:
    public = settings.public()
    return {
        f"{section}.{key}": value for section in _COMPARED for key, value in public[section].items()
    }


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    text = ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
    return text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 1] + "…"


def short_clips(reader: Reader, clips: ClipsSettings) -> list[Forgotten | Learned]:
    """What to record when short clips are treated in another way than in the last run.

    Of videos that end inside their segment, those clips that would now be others, or none, and
    those left out that may now be clips: these few are made again. All others are the same.
    """
    encoding = encoding_of(clips)
    treatment, least = clips.shorter_than_segment, clips.min_seconds
    before = reader.learned(_SHORT + encoding).get("")
    if before == [treatment, least]:
        return []
    records: list[Forgotten | Learned] = [Learned(_SHORT + encoding, [treatment, least])]
    if before is not None:
        # Version 0.1 made a clip of any piece.
        treatment_then, least_then = before if isinstance(before, list) else (before, 0)
        other = treatment != treatment_then
        why = f"made with shorter_than_segment: {treatment_then}, min_seconds: {least_then:g}"
        for row in (row for page in reader.clips(encoding) for row in page):
            if row.clip is not None:
                padded = PADDED in row.clip.note
                short = padded or SHORT in row.clip.note
                too_little = row.clip.duration_seconds < least or (padded and least > least_then)
                again = other or too_little
            else:
                short = row.outcome is Outcome.REJECTED and row.reason is Reason.TOO_SHORT
                again = PAST_ITS_END not in row.detail and (other or least < least_then)
            if short and again:
                records.append(Forgotten(row.segment_id, encoding, why))
    return records


@dataclass(frozen=True, slots=True)
class ClipsAgain:
    """Clips that are here, but made with other settings: so many are made again, in about so long.

    `from_lossless`: out of files that are here. The others are `fetched`.
    """

    from_lossless: int
    fetched: int
    seconds: float

    def __str__(self) -> str:
        total, time = self.from_lossless + self.fetched, math.ceil(self.seconds / 60)
        how = [
            f"{number:,} {how}" if number else f"none {how}"
            for number, how in (
                (self.from_lossless, "from the lossless ones here"),
                (self.fetched, "fetched"),
            )
        ]
        duration = f"{time} min" if time < 90 else f"{time / 60:.1f} h"
        return (
            f"with these clips settings {total:,} clips will be made again,"
            f" {', '.join(how)}; that takes about {duration}"
        )


def clips_again(index: JournalIndex, settings: Settings, rows: Bools | None = None) -> ClipsAgain:
    """What other `clips` settings than those of earlier runs make necessary (of these rows)."""
    open_ = index.to_be_made() & index.elsewhere
    if rows is not None:
        open_ &= rows
    lossless = int((open_ & index.lossless).sum())
    fetched = int(open_.sum()) - lossless
    encoders = settings.concurrency.ffmpeg or os.cpu_count() or 1
    rate = settings.throttle.requests_per_second * len(settings.network.all_identities())
    seconds = lossless * _SECONDS_TO_ENCODE / encoders + fetched * _PAGES_A_CLIP / rate
    return ClipsAgain(lossless, fetched, round(seconds, 1))


def access_since(
    reader: Reader, network: NetworkSettings, jars: Mapping[str, IdentityCookies], now: float
) -> Learned:
    """Since when (POSIX time) YouTube is asked with these accounts and proxies; to be recorded.

    When they changed, what was barred before may be open now. 0 for those of the first run.
    Nothing in the record gives an address or a cookie away.
    """
    ways = []
    for identity in network.all_identities():
        proxy = without_password(identity.proxy)
        # A digest is enough to see that the proxy is another one, and gives no host away.
        digest = hashlib.sha256(proxy.encode()).hexdigest()[:16] if proxy else "direct"
        jar = jars.get(identity.name)
        account = "signed in" if jar is not None and jar.signed_in else "guest"
        ways.append(f"{identity.name} {digest} {account}")
    before = reader.learned(_ACCESS).get("")
    if isinstance(before, dict) and before.get("means") == sorted(ways):
        return Learned(_ACCESS, before)
    return Learned(_ACCESS, {"means": sorted(ways), "since": 0.0 if before is None else now})
