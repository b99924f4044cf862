"""Random faults done to a whole rig, and what became of it."""
