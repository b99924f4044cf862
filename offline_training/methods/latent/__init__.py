"""Methods that learn a latent space."""
