"""A read-only page over journal and dataset, beside a run or after it."""
