"""Follow the running normalisation through a session, as a decoder of it would."""
