"""Expected firing of each channel: measured in training, followed live."""
