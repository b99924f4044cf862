"""Simulated sources: sessions, neurons, voltage and a subject in the loop."""
