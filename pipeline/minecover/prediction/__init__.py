"""From a model and features to a map, tile by tile."""
