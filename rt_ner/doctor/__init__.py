"""Check the rig before a session, from the software to the last electrode."""
