"""Targets and the course of a trial."""
