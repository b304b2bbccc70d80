"""Masks that a survey names beside that of the sensor."""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from pydantic import Field, model_validator

from minecover.arrays import BoolArray, Float32Array
from minecover.errors import SurveyError
from minecover.registry import registry_at
from minecover.settings import Section

__all__ = ["MaskAsset", "cloud_mask_settings"]


class MaskAsset(Section):
    """A raster of each item that says which pixels are clear: classes, bits, or a probability."""

    asset: str = Field(description="asset of the mask, with its band as in `image#2`")
    clear: tuple[float, ...] | None = Field(None, description="values of clear pixels")
    at_most: float | None = Field(
        None, description="instead: highest value of clear pixels, as 40 of a probability"
    )
    masked_bits: tuple[Annotated[int, Field(ge=0, le=23)], ...] | None = Field(
        None,
        min_length=1,
        description="instead: bits of which clear pixels have none, as [1, 3, 4] of Landsat's "
        "qa_pixel; 0 is the lowest",
    )
    nodata_is_clear: bool | None = Field(
        None,
        description="whether pixels without a value are clear; left out: where the item records "
        "a nodata value that is one of the clear ones",
    )

    @model_validator(mode="after")
    def _has_one_rule(self) -> Self:
        rules = (self.clear, self.at_most, self.masked_bits)
        if sum(rule is not None for rule in rules) != 1:
            raise ValueError(
                f"mask {self.asset}: say which values are clear, by one of `clear`, `at_most` and "
                "`masked_bits`"
            )
        return self

    @property
    def key(self) -> str:
        """Under which the manifest keeps its asset."""
        return f"mask:{self.asset}"

    def is_clear(self, values: Float32Array, nodata: float | None) -> BoolArray:
        """Tell which values are clear.

        Parameters
        ----------
        values
            As the raster holds them, or NaN where it or the item says nodata.
        nodata
            Value that the item records as nodata. Of a probability it is often 0, which is no
            lack of data but a clear sky.
        """
        none = np.array([np.nan if nodata is None else nodata], np.float32)
        unseen = self.nodata_is_clear
        if unseen is None:
            unseen = bool(self._is_clear(none)[0])
        return np.where(np.isfinite(values) & (values != none), self._is_clear(values), unseen)

    def _is_clear(self, values: Float32Array) -> BoolArray:
        if self.at_most is not None:
            return np.asarray(values <= self.at_most)
        if self.masked_bits is not None:
            numbers = np.where(np.isfinite(values), values, -1).astype(np.int64)
            bits = sum(1 << bit for bit in set(self.masked_bits))
            return np.asarray((numbers >= 0) & (numbers & bits == 0))
        return np.isin(values, self.clear or ())


def cloud_mask_settings(name: str, given: object) -> Section:
    """Validate what a survey says of a registered cloud mask.

    Raises
    ------
    ValueError
        There is none of that name, or it has no such settings.
    """
    try:
        kind = registry_at("minecover.sources.registry:CLOUD_MASKS")[name].settings_type
    except SurveyError as error:
        raise ValueError(str(error)) from error
    settings: Section = given if isinstance(given, kind) else kind.model_validate(given or {})
    return settings
