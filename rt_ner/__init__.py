"""The runtime of rt-ner: spikes in over LSL, cursor velocity out. Never imports torch."""

__version__ = "0.1.0"
