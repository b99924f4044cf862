"""Send random spikes, with faults on request, to test a rig."""
