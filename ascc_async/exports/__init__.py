"""The dataset as hubs and loaders take it: everything under `output.dir/exports/` to publish."""
