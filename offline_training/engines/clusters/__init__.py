"""Dask clusters: local processes, a running scheduler, and jobs of Slurm."""
