"""Draw axes, lines, bars and pixels as SVG."""
