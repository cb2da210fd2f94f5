"""What the user sees: renders snapshots, nothing else."""
