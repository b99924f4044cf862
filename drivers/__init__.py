"""Send spikes and movement as LSL streams: replays, simulations, devices and hands."""
