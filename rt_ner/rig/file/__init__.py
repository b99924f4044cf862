"""The rig's file: its settings, its templates, and the places that it names."""
