"""The latency laboratory: what a decoder takes, beside what LSL itself takes."""
