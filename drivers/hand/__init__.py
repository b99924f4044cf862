"""Publish the movement and the button of a mouse or a joystick as those of a hand."""
