"""Spikes, outputs and trials as a recipe says."""
