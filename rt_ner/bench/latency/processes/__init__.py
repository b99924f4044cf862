"""Run each part of a latency measurement in a process of its own."""
