"""From published clips to what a training loop reads: arrays, class splits, episodes."""

from ascc_async.learning.clips import Clips
from ascc_async.learning.episodes import Episodes

__all__ = ["Clips", "Episodes"]
