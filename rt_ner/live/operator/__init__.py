"""The operator's side: keys and marker commands in, the status line and log out."""
