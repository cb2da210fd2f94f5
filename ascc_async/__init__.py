"""The Creative Commons part of AudioSet as a dataset: see `python -m ascc_async --help`."""

__version__ = "0.1.0"
UPGRADE = "pip install --upgrade ascc-async 'yt-dlp[default,deno]'"
