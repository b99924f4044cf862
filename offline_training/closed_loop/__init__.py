"""Closed loop: calibrate, train, decode in the loop, recalibrate, score; all over real LSL."""
