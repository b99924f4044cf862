"""Processes beside another command: a recorder, and the session report at its end."""
