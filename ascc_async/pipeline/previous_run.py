"""What is different from the last run here: its settings, its accounts, and what follows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from ascc_async.journal.reader import Reader
from ascc_async.journal.records import Forgotten, Learned
from ascc_async.media.encoding import encoding_of
from ascc_async.model import Outcome, Reason
from ascc_async.network.cookies import IdentityCookies
from ascc_async.settings import ClipsSettings, NetworkSettings, Settings, without_password

# Keys under which a run leaves these things in the journal; version 0.1 wrote the same.
_SETTINGS, _SHORT, _ACCESS = "settings", "short/", "access"
# Settings that say what the dataset is, not how fast or by which way it came.
_COMPARED = ("audioset", "classes", "sampling", "license", "clips")
_BEFORE_SEGMENT = "before the segment starts"  # too short under any setting
_MOST_CHARACTERS = 60  # of a value that is shown


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
    """What to record when `shorter_than_segment` is another than in the last run.

    The clips of videos that end inside their segment were then kept, padded or left out in the
    other way: these few are made again. All others are the same under either.
    """
    encoding, wanted = encoding_of(clips), clips.shorter_than_segment
    before = reader.learned(_SHORT + encoding).get("")
    if before == wanted:
        return []
    records: list[Forgotten | Learned] = [Learned(_SHORT + encoding, wanted)]
    if before is not None:
        why = f"made with shorter_than_segment: {before}"
        for row in (row for page in reader.clips(encoding) for row in page):
            # By the notes that `media.cut` writes: no column says that a clip was cut short.
            note = row.clip.note if row.clip is not None else ""
            kept = "before the segment" in note or "silence, added" in note
            left_out = row.outcome is Outcome.REJECTED and row.reason is Reason.TOO_SHORT
            if kept or (left_out and _BEFORE_SEGMENT not in row.detail):
                records.append(Forgotten(row.segment_id, encoding, why))
    return records


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
