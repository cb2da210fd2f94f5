"""Stages, processes that can be killed, and stopping: knows nothing of the rest."""
