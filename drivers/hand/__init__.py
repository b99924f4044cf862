"""Hand movement from a mouse or a joystick."""
