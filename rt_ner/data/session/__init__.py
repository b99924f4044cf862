"""A session in memory: spikes, kinematics and trials on one clock."""
