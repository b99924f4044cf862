"""Judge what was measured: each problem with its value, the value expected and the remedy."""
