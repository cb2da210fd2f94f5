"""A small YouTube on loopback, for demo, tests and benchmarks."""
