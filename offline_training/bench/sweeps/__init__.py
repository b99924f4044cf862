"""Measurement of sweeps: throughput, and results under kills at random."""
