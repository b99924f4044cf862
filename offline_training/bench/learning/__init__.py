"""Training time: how long each method learns until it decodes as well as it ever will."""
