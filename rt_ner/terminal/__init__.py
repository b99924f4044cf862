"""The command line: shared options, printing and progress."""
