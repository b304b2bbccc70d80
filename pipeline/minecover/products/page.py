"""Pages that need neither network nor scripts: templates, and how numbers are written in them."""

from __future__ import annotations

import math
import unicodedata
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from minecover.products.palette import INKS

__all__ = ["page_environment"]


def page_environment() -> Environment:
    """Templates beside this module: they escape what they are given and know our numbers."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["inks"] = INKS
    environment.filters["label"] = lambda text: str(text).replace("_", " ")
    environment.filters["percent"] = _percent
    environment.filters["number"] = _number
    environment.filters["amount"] = _amount
    environment.filters["degrees"] = _degrees
    environment.filters["stacked"] = _stacked
    return environment


def _percent(value: float | None, digits: int = 1) -> str:
    """Percent of a share, never broken before the sign."""
    return "–" if value is None or not math.isfinite(value) else f"{100 * value:.{digits}f}\u00a0%"


def _number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def _amount(value: float | None) -> str:
    """Three significant digits or all before the point, thousands apart."""
    if value is None or not math.isfinite(value):
        return "–"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{0 if float(value).is_integer() else digits}f}"


def _degrees(value: float, positive: str, negative: str) -> str:
    """Longitude or latitude in degrees, never broken before the letter."""
    return f"{abs(value):.4f}°\u00a0{positive if value >= 0 else negative}"


STACK = 8
"""Characters, at most, that stand above each other in the head of a column."""


def _stacked(text: str) -> int:
    """Characters beside each other where a head of a column is written downwards, upright.

    0: the text is of letters, which are turned. Fonts differ in whether they can set Chinese from
    top to bottom, on paper above all, so it is broken into short lines instead.
    """
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return math.ceil(len(text) / STACK) if 2 * wide >= len(text) > 0 else 0
