"""The measurements behind the verdict: computer, streams, timing, channels."""
