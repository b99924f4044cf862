"""The cost of a bin, and what becomes of the decoder as channels, events and voltage grow."""
