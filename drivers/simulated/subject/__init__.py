"""Simulate a subject who sees the task, intends to move and fires spikes."""
