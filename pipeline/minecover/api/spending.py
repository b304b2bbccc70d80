"""Price lists and budgets, whatever they are given as."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from minecover.errors import SurveyError
from minecover.planning.prices import Prices, load_prices
from minecover.settings import Location, mistakes

__all__ = ["PriceList", "budget_of", "named_argument", "prices_of"]

PriceList = Prices | Mapping[str, Any] | str | Path | None


def prices_of(prices: PriceList) -> Prices | None:
    """Read a price list.

    Raises
    ------
    SurveyError
        A price is unknown or wrong, or the file cannot be read.
    """
    if prices is None:
        return None
    if isinstance(prices, str | Path):
        return load_prices(Path(prices))
    try:
        return Prices.model_validate(prices)
    except ValidationError as error:
        lines = mistakes(error, lambda place: named_argument(("prices", *place)), Prices)
        raise SurveyError("\n".join(lines)) from error


def budget_of(budget: float | None) -> float | None:
    """Refuse what cannot be spent.

    Raises
    ------
    SurveyError
        It is no number from 0 on.
    """
    if budget is not None and not (isinstance(budget, int | float) and budget >= 0):
        raise SurveyError(f"budget: {budget!r}; give how much may be spent, a number from 0 on")
    return budget


def named_argument(place: Location) -> str:
    """Name an argument of `Survey`, and the part of it at a place."""
    if not place:
        return ""
    first, *parts = place
    return str(first) + "".join(f"[{part!r}]" for part in parts)
