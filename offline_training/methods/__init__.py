"""Every way from windows of counts to latents or velocity, on one footing."""
