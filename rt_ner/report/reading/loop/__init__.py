"""Read how the decoder's loop ran: its hops, its states, and the drift it followed."""
