"""Show the operator's window and the subject's screen, as an LSL client."""
