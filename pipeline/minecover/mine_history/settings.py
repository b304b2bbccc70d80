"""The section of mines: how they are outlined, and how they are followed through periods."""

from __future__ import annotations

from pydantic import Field

from minecover.settings import Section

__all__ = ["MineSettings"]


class MineSettings(Section):
    """Outlines of mines, and of all classes where the product `polygons` is published."""

    min_area_ha: float = Field(
        0.1,
        ge=0,
        allow_inf_nan=False,
        description="minimum mapping unit in hectares: smaller patches are left out of the "
        "outlines, and counted; the map keeps them",
    )
    least_probability: float = Field(
        0.0,
        ge=0,
        le=1,
        description="mean probability of the classes of mines over the pixels of a patch below "
        "which it is no mine where mines are followed through periods; the map keeps it",
    )
    join_m: float = Field(
        20.0,
        ge=0,
        le=500,
        description="metres by which mined ground is grown to find what is one mine where mines "
        "are followed through periods: patches whose grown pixels touch are one",
    )
    least_share: float = Field(
        0.1,
        gt=0,
        le=1,
        description="share of the smaller of two patches of different periods that they have in "
        "common at least to be the same mine, or parent and child",
    )
    around_m: float = Field(
        200.0,
        gt=0,
        le=5000,
        description="metres from the ground of a mine to which the ground around it reaches",
    )
    reference: tuple[str, ...] = Field(
        (),
        description="names of the classes of undisturbed ground that once mined ground is compared "
        "with; none: its recovery is not followed",
    )
    reference_m: float = Field(
        1000.0, gt=0, le=10_000, description="metres from it to which that ground lies"
    )
    indices: tuple[str, ...] = Field(
        ("NDVI",), min_length=1, description="features whose course is followed, in every season"
    )
    restored: tuple[str, ...] = Field(
        (), description="names of the classes that are restored ground"
    )
