"""Trained networks as ONNX graphs and plain arrays."""
