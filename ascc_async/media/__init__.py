"""Streams to clips: indexes, ranged reads, ffmpeg, checks."""
