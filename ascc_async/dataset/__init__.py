"""The files of `dataset/`, made from the journal: `write.write_dataset` writes them all."""
