"""The decoders that others are compared with in the loop."""
