"""From a model and features to a map, tile by tile."""

from minecover.prediction.predict import PredictJob, map_attributes, map_layer_names

__all__ = ["PredictJob", "map_attributes", "map_layer_names"]
