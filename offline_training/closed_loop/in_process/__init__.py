"""The closed loop in one process: the same task, subject and decoder, without LSL or clocks."""
