"""The dataset's files, made from the journal: `publish.write_dataset` writes them all."""
