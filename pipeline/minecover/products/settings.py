"""The section of what is published."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from minecover.errors import SurveyError
from minecover.products.registry import PUBLISHED, in_order
from minecover.settings import NameIn

__all__ = ["ProductNames"]


def _fit_together(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError(f"a product is named twice: {', '.join(names)}")
    if names != PUBLISHED:  # those are known to fit
        try:
            in_order(names)
        except SurveyError as error:
            raise ValueError(str(error)) from None
    return names


ProductNames = Annotated[
    tuple[Annotated[str, NameIn("minecover.products.registry:PRODUCTS")], ...],
    Field(min_length=1, description="what is published, under products/ in the store"),
    AfterValidator(_fit_together),
]
"""Names of products."""
