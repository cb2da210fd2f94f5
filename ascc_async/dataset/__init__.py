"""The dataset's files, made from the journal."""
