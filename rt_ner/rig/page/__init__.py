"""The rig's page: a process of its own that shows a rig to browsers and passes on their orders."""
