"""The compiled inner loops of the binners."""
