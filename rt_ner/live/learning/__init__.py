"""A running loop that is learned from: recorded blocks and adaptation."""
