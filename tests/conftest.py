"""Lets tests share what lies beside others: `fakeclock`, `sweep_world`, and `worlds` of catalog."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE / "catalog")]
