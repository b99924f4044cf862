"""The trainer's own measurements, and what they need."""
