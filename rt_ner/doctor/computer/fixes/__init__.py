"""Look for causes of late wake-ups, one module per cause, and propose what to do."""
