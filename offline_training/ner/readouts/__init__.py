"""Readouts of velocity beside the linear one."""
