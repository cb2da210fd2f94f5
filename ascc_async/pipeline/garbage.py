"""Python's search for reference cycles, made fit for a run of millions of small answers."""

from __future__ import annotations

import gc


def collect_seldom() -> None:
    """Leave what is there now alone for good, and look through the rest less often.

    To be called once, when everything is loaded. Nearly all garbage goes by counting references;
    looking again and again through all that was imported costs a request some 7 % of its time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
