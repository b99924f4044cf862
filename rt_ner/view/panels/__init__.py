"""Draw the panels of the operator's window."""
