"""Measurements of the trainer, and parts of the runtime's measurements that need torch."""
