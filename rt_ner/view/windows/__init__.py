"""The operator's window and the subject's screen."""
