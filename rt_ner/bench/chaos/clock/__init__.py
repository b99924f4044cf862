"""A clock of a rig's processes alone that can be set, as NTP or a person sets a computer's."""
