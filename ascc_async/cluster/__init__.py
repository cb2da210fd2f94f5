"""Many machines: a run's questions to YouTube, asked by the workers of a Dask cluster."""
