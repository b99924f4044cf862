"""Expected firing of channels: statistics of training, and how they are followed live."""
