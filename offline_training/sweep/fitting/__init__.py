"""One fit of a sweep: run within its limits, scored, and recorded."""
