"""The section of what is published."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from minecover.errors import SurveyError
from minecover.products.registry import PUBLISHED, in_order
from minecover.settings import NameIn, Section

__all__ = ["MineSettings", "ProductNames"]


class MineSettings(Section):
    """Outlines of mines, and of all classes where the product `polygons` is published."""

    min_area_ha: float = Field(
        0.1,
        ge=0,
        allow_inf_nan=False,
        description="minimum mapping unit in hectares: smaller patches are left out of the "
        "outlines, and counted; the map keeps them",
    )


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
