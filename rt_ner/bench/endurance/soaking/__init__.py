"""Run a long session in a short time, beside clients that read, freeze and die."""
