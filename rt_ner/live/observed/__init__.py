"""Follow a decoder through its streams, as the window and the rig's page do."""
