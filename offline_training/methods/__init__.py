"""Methods from windows of counts to latents or velocity, compared on equal terms."""
