"""Notice what goes wrong with a rig's parts, its network, its disk and the computer's clock."""
