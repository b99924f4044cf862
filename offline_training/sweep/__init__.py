"""Sweeps: sessions × methods × settings × seeds, each fit a task of its own."""
