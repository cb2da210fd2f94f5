"""The run: its stages, and what joins them."""
