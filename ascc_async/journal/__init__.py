"""The journal: a SQLite database of all answers and clips, from which `dataset/` is written."""
