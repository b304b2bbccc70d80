"""Cubes: observations over time made into one image per season."""

from minecover.cube.composite import clear_count, geometric_median, median_composite

__all__ = ["clear_count", "geometric_median", "median_composite"]
