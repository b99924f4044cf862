"""A real closed loop, disturbed and recalibrated offline."""
