"""Links of a running rig: to the network, to the operator's keys, and to the parts' logs."""
