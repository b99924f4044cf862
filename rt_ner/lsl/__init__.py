"""Lab Streaming Layer: the clock, and finding, announcing and reading streams."""
