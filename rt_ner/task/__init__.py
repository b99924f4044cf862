"""Run a cursor task with targets and trials, as an LSL client of the decoder."""
