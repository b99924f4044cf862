"""The doctor: a check before a session in the rig, from the software to the last electrode."""
