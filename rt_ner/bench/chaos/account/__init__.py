"""The account of what a rig's report says of the faults done to it, and of anything else."""
