"""Draw each electrode: its rate in the array, and in a window its spikes and its tuning."""
