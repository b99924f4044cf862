"""Readouts of latents: outputs by a linear map, classes by a logistic one."""
