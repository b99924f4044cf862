"""Draw each electrode: its rate in the array, its spikes and its tuning."""
