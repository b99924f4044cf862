"""Publish the movement of a mouse or a joystick as a hand."""
