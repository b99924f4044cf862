"""The operator: keys and commands in, the status line out."""
