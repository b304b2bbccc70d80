"""The server of the map page: published files by ranges, rasters as tiles, facts of a pixel."""
