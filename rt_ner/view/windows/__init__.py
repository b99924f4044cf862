"""Lay out the operator's window and the subject's screen."""
