"""Receive spikes from a Blackrock NSP or Gemini."""
