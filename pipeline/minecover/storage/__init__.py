"""Where results lie: folders and object stores, rasters in them, and what they are made from."""
