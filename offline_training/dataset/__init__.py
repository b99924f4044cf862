"""Sessions as training data: splits, checks and the space of latents."""
