"""All that the page shows: the decoder's streams, the rig's files and logs."""
