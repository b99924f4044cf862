"""The processes that a decoder may start beside itself: its live window and its recorder."""
