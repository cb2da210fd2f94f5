"""The history of a folder: the counts of one run become totals over all of its runs."""

from __future__ import annotations

from dataclasses import replace

from ascc_async.journal.records import Minute, Permitted
from ascc_async.pipeline.snapshot import RunSnapshot
from ascc_async.throttle.identity import summed

# Limits a minute, then one sum for each kind: four months of more were over 30 MB.
_MOST = 12


class Minutes:
    """Adds what this run has done to where the runs before it ended."""

    def __init__(self, before: Minute | None) -> None:
        self._before = self._newest = before or Minute(0.0)

    def after(self, snapshot: RunSnapshot) -> Minute:
        """The totals as the run stands now."""
        buckets = snapshot.limiter.buckets if snapshot.limiter else ()
        counts = {
            "answers": snapshot.answered,
            "clips": snapshot.clips_made,
            "fetched_bytes": snapshot.media_bytes,
            "requests": sum(bucket.sent for bucket in buckets),
            "refusals": sum(bucket.refused for bucket in buckets),
        }
        # A run's own counts may fall: requests that were reserved and not sent, machines that left.
        totals = {
            name: max(getattr(self._newest, name), getattr(self._before, name) + count)
            for name, count in counts.items()
        }
        used = [bucket for bucket in buckets if bucket.used]
        if len(used) > _MOST:
            kinds = dict.fromkeys(bucket.kind for bucket in used)
            used = [summed([each for each in used if each.kind is kind], "all") for kind in kinds]
        before = {(each.identity, each.kind): each for each in self._before.identities}
        limits = []
        for bucket in used:
            name = bucket.identity, bucket.kind.value
            earlier = before.pop(name, None)
            refused = bucket.refused + (earlier.refusals if earlier else 0)
            resting = bucket.resting_until is not None
            limits.append(Permitted(*name, bucket.rate, bucket.ceiling, resting, refused))
        # What is not in use now is kept, too: its refusals go on from there.
        limits += [replace(each, resting=False) for each in before.values()]
        self._newest = Minute(
            snapshot.at,
            **totals,
            identities=tuple(limits[:_MOST]),
            begins=self._newest is self._before,
        )
        return self._newest
