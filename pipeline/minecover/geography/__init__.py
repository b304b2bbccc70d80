"""Where: the grid and its tiles, projections, boundaries, and the area of pixels on the ground."""
