"""Run as processes of their own whatever takes part in a latency measurement."""
