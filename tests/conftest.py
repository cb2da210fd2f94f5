"""What holds for all tests."""

from __future__ import annotations

import os

# Containers often set it. The hundreds of processes that tests start would each compile the whole
# package anew: an eighth of what a command takes to start.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
