"""The server of the page: who may read, who may command, and who is cut off."""
