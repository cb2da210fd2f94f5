"""AudioSet's metadata: files to segments, classes, order."""
