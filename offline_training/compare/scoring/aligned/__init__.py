"""Scores across recordings, whose latents are aligned."""
