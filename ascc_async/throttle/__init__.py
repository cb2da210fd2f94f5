"""Scheduling politely: knows nothing of YouTube or audio."""
