"""Cubes: observations over time made into one image per season."""
