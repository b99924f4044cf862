"""Sessions and arrays as training data: splits, checks and the space of latents."""
