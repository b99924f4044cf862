"""The report on a sweep: choices, intervals, figures, and one HTML page."""
