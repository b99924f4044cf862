"""Data of the decoder, its source and the task, kept for the plots."""
