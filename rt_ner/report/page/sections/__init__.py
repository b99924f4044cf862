"""The sections of a session's part of the page."""
