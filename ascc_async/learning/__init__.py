"""From published clips to what a training loop reads: arrays, class splits, episodes."""
