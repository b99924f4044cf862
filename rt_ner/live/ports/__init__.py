"""Spikes in and results out: the two ports of the loop, over LSL and in memory."""
