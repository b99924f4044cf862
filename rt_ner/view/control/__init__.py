"""Carry out the operator's actions: commands to the decoder, and recordings."""
