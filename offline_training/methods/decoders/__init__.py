"""Methods that decode velocity directly."""
