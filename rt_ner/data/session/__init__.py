"""A session in memory: spikes, kinematics and trials in one clock."""
