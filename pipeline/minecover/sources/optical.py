"""What optical sources share: cloud cover, masks, reflectance, composites of a season.

A sensor is a subclass of `OpticalSource` with its bands and figures, in one file: `sentinel2` is
an example. What differs between sensors is in four methods: which asset masks clouds (`mask`),
which of its values are clear ground (`is_clear`), how numbers become reflectance (`scaling`), and
which of two versions of an item is newer (`baseline`).
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

import numpy as np
from pydantic import Field, SerializeAsAny, field_validator

from minecover.arrays import BoolArray, Float32Array
from minecover.errors import SurveyError
from minecover.layers import Layer, Variable
from minecover.settings import Section
from minecover.sources.bands import Band, Mask, asset_of, assets_of_bands, bands_in_data
from minecover.sources.contradictions import Contradictions
from minecover.sources.digital_numbers import Rescaling
from minecover.sources.item_document import ItemError, number_in
from minecover.sources.mask_settings import MaskAsset, cloud_mask_settings
from minecover.sources.recorded import recorded
from minecover.sources.registry import cloud_masks_of
from minecover.sources.settings import Collections
from minecover.sources.source import Scenes, Source

if TYPE_CHECKING:
    from minecover.sources.cloud_mask import CloudMask
    from minecover.sources.item_document import Document
    from minecover.sources.manifest import Item
    from minecover.sources.search import Search

__all__ = ["Mask", "OpticalSettings", "OpticalSource", "Rescaling"]


class OpticalSettings(Section):
    """Section of an optical source; `collection` gets its default in a subclass."""

    collection: Collections = Field(description="STAC collection, or several")
    bands: tuple[str, ...] | None = Field(
        None,
        description="bands that the data has, as [B02, B03, B04, B08]; null: all. Features that "
        "need another are left out, and named by `check` and in the report",
    )
    assets: dict[str, str] = Field(
        default_factory=dict, description="asset of a band where it is not found by itself"
    )
    max_cloud_cover: float = Field(80.0, ge=0, le=100, description="per item, in percent")
    composite: Literal["median", "geometric_median"] = Field(
        "median", description="how the dates of a season become one"
    )
    offsets: dict[str, float] = Field(
        default_factory=dict,
        description="number to add to those of an item before they are scaled, whatever it "
        "records: by its id, which may have *, or by its baseline as '05.10'",
    )
    masks: tuple[MaskAsset, ...] = Field(
        (), description="rasters of each item that mask clouds beside the sensor's own"
    )
    cloud_masks: dict[str, SerializeAsAny[Section]] = Field(
        default_factory=dict,
        description="cloud masks of other packages that are computed of the bands, each with its "
        "settings: {their_mask: {}}",
    )

    @field_validator("cloud_masks", mode="before")
    @classmethod
    def _cloud_mask_settings(cls, given: dict[str, Any]) -> dict[str, Section]:
        return {name: cloud_mask_settings(name, raw) for name, raw in given.items()}


S = TypeVar("S", bound=OpticalSettings)


class OpticalSource(Source[S]):
    """A sensor of several bands; one composite and one count of clear observations a season.

    An observation is one overpass: items of the same platform within minutes of each other are
    mosaicked, the first that is valid at a pixel wins, so that no overpass counts twice.

    Attributes
    ----------
    bands
        Of the sensor, in the order of their layers.
    count_layer
        Name of the layer that counts clear observations; of no other source.
    arrays
        Names of the cube's arrays of its reflectance and of its counts; None: its own name with
        `_reflectance` and `_clear`.
    bounds
        Lowest and highest reflectance that its numbers can mean; None: it depends on the item.
    nodata
        Number that no observation has, beside what the files themselves say; None: there is none.
    """

    bands: ClassVar[tuple[Band, ...]]
    count_layer: ClassVar[str]
    arrays: ClassVar[tuple[str, str] | None] = None
    bounds: ClassVar[tuple[float | None, float | None]] = (None, None)
    nodata: ClassVar[float | None] = 0.0
    work_keys = ("composite",)

    @property
    def data_bands(self) -> tuple[Band, ...]:
        """Bands that the survey's data has; see `bands_in_data`."""
        return bands_in_data(self.bands, self.settings.bands, f"sources.{self.name}.bands")

    def layers(self) -> tuple[Layer, ...]:
        """Reflectance of each band, and how many clear observations it is made of."""
        title = f"clear observations of {self.label}"
        counts = Variable(self._arrays[1], title, bounds=(0.0, None))
        return (
            *map(self._layer, self.data_bands),
            Layer(self.count_layer, self.name, "count", "1", True, title, variable=counts),
        )

    def lacking(self) -> tuple[Layer, ...]:
        """Reflectance of the bands that the survey's data does not have."""
        there = self.data_bands
        return tuple(self._layer(band) for band in self.bands if band not in there)

    def _layer(self, band: Band) -> Layer:
        title = f"surface reflectance of {self.label}"
        array = Variable(self._arrays[0], title, "band", self.bounds)
        kind = (self.name, "band", "1", True)
        return Layer(band.name, *kind, band.description, band.feature, band.code, array)

    @property
    def _arrays(self) -> tuple[str, str]:
        return self.arrays or (f"{self.name}_reflectance", f"{self.name}_clear")

    @property
    def composite(self) -> str:
        """How the dates of a season become one."""
        return self.settings.composite

    def mask(self) -> Mask | None:
        """Say which asset masks clouds; None: the data has none."""
        return None

    def is_clear(self, values: Float32Array) -> BoolArray:
        """Tell which values of the mask are a clear observation of the ground."""
        return np.isfinite(values)

    def is_observed(self, values: Float32Array) -> BoolArray:
        """Tell which values of the mask are no lack of data, clear or not."""
        return np.isfinite(values)

    def ground_bands(self) -> tuple[str, str] | None:
        """Name the bands by which pixels masked on nearly every date are looked at again.

        Returns
        -------
        A visible band and one at 1.6 µm, see `persistent_masks`; None: they stay masked.
        """
        return None

    def own_masks(self) -> tuple[MaskAsset, ...]:
        """Give the rasters of masks that the survey names."""
        return self.settings.masks

    def cloud_masks(self) -> tuple[CloudMask[Any], ...]:
        """Give the masks that are computed of reflectance.

        Raises
        ------
        SurveyError
            One needs a band that the source does not have.
        """
        masks, there = cloud_masks_of(self.settings.cloud_masks), [b.name for b in self.data_bands]
        for mask in masks:
            lacking = [band for band in mask.bands if band not in there]
            if lacking:
                raise SurveyError(
                    f"sources.{self.name}.cloud_masks: {mask.name} needs {', '.join(lacking)}, "
                    f"which {self.label} does not have in this survey; it has {', '.join(there)}"
                )
        return masks

    def scaling(self, item: Document, asset: str) -> Rescaling:
        """Decide how numbers of an asset become reflectance: here, by the asset's own record."""
        own = recorded(item["assets"][asset])
        scale, named = own.scale or 1.0, self.named_offset(item)
        if named is not None:
            return Rescaling(scale, *named)
        return Rescaling(scale, (own.offset or 0.0) / scale, "the asset's own record")

    def named_offset(self, item: Document) -> tuple[float, str] | None:
        """Give the offset that the survey names for an item or its baseline, and where it does."""
        for name in (str(item.get("id")), f"{self.baseline(item):05.2f}"):
            for pattern, offset in self.settings.offsets.items():
                if fnmatchcase(name, pattern):
                    return offset, f"the survey says sources.{self.name}.offsets: {pattern}"
        return None

    def baseline(self, item: Document) -> float:
        """Give the version of an item's processing: of two on one grid the later one wins."""
        del item
        return 0.0

    def assets(self, item: Document) -> dict[str, str]:
        """Find the assets of the bands, and after them of the masks.

        Raises
        ------
        SurveyError
            The survey names an asset of a band that there is not.
        DataError
            One is missing.
        """
        keys = assets_of_bands(item, self.data_bands, self.settings.assets, self.name)
        mask = self.mask()
        if mask is not None:
            keys[mask.key] = asset_of(item, mask.key, mask.assets, mask.advice)
        for own in self.settings.masks:
            advice = f"name another in `sources.{self.name}.masks`, or take it out there"
            keys[own.key] = asset_of(item, own.key, (own.asset,), advice)
        return keys

    def find(self, search: Search) -> list[Item]:
        """Find the items of every season that are not too cloudy; see `Source.find`."""
        self.cloud_masks()  # refused before anything is looked up
        contradictions = Contradictions(self.nodata)

        def freeze(raw: Document) -> Item:
            self._check_cover(raw)
            names, there = self.assets(raw), {band.name for band in self.data_bands}
            bands = {key: name for key, name in names.items() if key in there}
            decided = contradictions.decided(search, raw, bands, self.scaling)
            return self._frozen(search, raw, decided)

        items = search.items_by_season(
            self.name,
            self.settings.collection,
            freeze,
            self._is_usable,
            f"cloudier than max_cloud_cover, {self.settings.max_cloud_cover:g} %",
        )
        for raw, decided in list(contradictions.settled(search, items)):
            seasons = search.seasons_of(raw)
            items.append(self._frozen(search, raw, decided).replace(seasons=seasons))
            search.take_back(self.name, raw)
        return search.numbered(items)

    def _is_usable(self, item: Mapping[str, Any]) -> bool:
        cover = number_in(item["properties"].get("eo:cloud_cover"))
        return cover is None or cover <= self.settings.max_cloud_cover

    def _check_cover(self, raw: Document) -> None:
        cover = raw["properties"].get("eo:cloud_cover")
        if cover is not None and number_in(cover) is None:
            raise ItemError(
                f"item {raw.get('id')}: eo:cloud_cover is {cover!r}, which is no number; give the "
                "percentage, or take the property out if it is not known"
            )

    def _frozen(self, search: Search, raw: Document, decided: Mapping[str, Rescaling]) -> Item:
        assets = {}
        for key, name in self.assets(raw).items():
            how = decided.get(key, Rescaling(1.0, 0.0, "a mask"))
            assets[key] = search.asset(raw, name, how.scale, how.offset)
        decision = "; ".join(sorted({how.reason for how in decided.values()}))
        baseline = self.baseline(raw)
        return search.item(self.name, raw, assets, decision=decision, baseline=baseline)

    def compose(self, scenes: Scenes) -> Float32Array | tuple[Float32Array, ...]:
        """Composite of the bands and count of the clear observations; see `Source.compose`."""
        # compiled code and raster libraries take seconds to import
        from minecover.sources.observations import composite

        return composite(self, scenes)
