"""Outlines of all classes, where a survey names the product `polygons`."""

from __future__ import annotations

from minecover.products.mines import ClassOutlines

__all__ = ["POLYGONS"]

POLYGONS = ClassOutlines("polygons", "Outlines of all classes")
