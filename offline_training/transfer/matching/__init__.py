"""Match the units of two days."""
