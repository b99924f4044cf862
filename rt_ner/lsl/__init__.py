"""Lab Streaming Layer: clock, discovery, announcements and readers of streams."""
