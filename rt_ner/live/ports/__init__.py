"""The loop's two ports, spikes in and results out, over LSL and in memory."""
