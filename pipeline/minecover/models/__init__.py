"""Kinds of model, each one file in a registry, and how they are trained and read."""
