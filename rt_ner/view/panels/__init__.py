"""The panels of the operator's window."""
