"""Expected firing of channels, as a training session shows it."""
