"""The model bundle: the one folder that holds a trained decoder."""
