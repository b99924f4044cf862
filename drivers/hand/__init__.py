"""Publish the movement of a mouse or a joystick as hand movement."""
