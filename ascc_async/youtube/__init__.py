"""All that knows YouTube."""
