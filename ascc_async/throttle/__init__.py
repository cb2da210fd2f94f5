"""Scheduling politely: knows what kinds of requests there are, and no answer of YouTube."""
