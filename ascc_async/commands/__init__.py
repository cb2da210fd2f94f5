"""The commands, one file each: `main(options)` gives the exit code."""
