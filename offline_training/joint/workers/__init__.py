"""Processes of this computer that share the sessions of a joint training."""
