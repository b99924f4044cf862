"""The computer: scheduling, processes, signals, the display and plugins."""
