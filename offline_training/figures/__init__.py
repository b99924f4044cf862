"""Pictures: reports, recordings and latencies."""
