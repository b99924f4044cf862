"""Readouts of velocity other than the linear one."""
