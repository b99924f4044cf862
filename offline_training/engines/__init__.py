"""Engines that run many fits: this process, several processes, or a cluster."""
