"""How few points are too few for what is written about them."""

from __future__ import annotations

__all__ = ["FEW_BLOCKS", "FEW_POINTS"]

FEW_POINTS, FEW_BLOCKS = 30, 10
"""Below either a bootstrap is too narrow, and a figure is called rough where it is shown."""
