"""The model bundle: the one folder that a trained decoder is."""
