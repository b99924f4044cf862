"""Recorded sessions: reading, checking, summarising and converting them."""
