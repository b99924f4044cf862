"""Draw a session's figures as SVG: time courses, reaches, latency, electrodes, history."""
