"""What sources share that are observed once: one layer, of a collection or of one raster file."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar

import numpy as np
from pydantic import Field

from minecover.arrays import Float32Array
from minecover.layers import Layer
from minecover.settings import Section
from minecover.sources.bands import asset_of
from minecover.sources.source import Scenes, Source

if TYPE_CHECKING:
    from minecover.sources.item_document import Document
    from minecover.sources.manifest import Asset, Item
    from minecover.sources.search import Search

__all__ = ["StillSettings", "StillSource"]


class StillSettings(Section):
    """Section of a source that is observed once; `asset` gets its default in a subclass."""

    collection: str | None = Field(None, description="STAC collection")
    path: str | None = Field(None, description="a raster file instead of a collection")
    asset: str = Field(description="asset of the values")


S = TypeVar("S", bound=StillSettings)


class StillSource(Source[S]):
    """One layer without seasons: where items overlap, their mean.

    Attributes
    ----------
    layer
        What it brings.
    key
        Under which the manifest keeps its asset.
    """

    layer: ClassVar[Layer]
    key: ClassVar[str]
    path_keys = ("path",)
    files_per_item = 1

    def values(self, numbers: Float32Array, asset: Asset) -> Float32Array:
        """Turn the numbers of an asset into the quantity that is interpolated and averaged."""
        return (numbers + np.float32(asset.offset)) * np.float32(asset.scale)

    def layers(self) -> tuple[Layer, ...]:
        """Its one layer."""
        return (self.layer,)

    def find(self, search: Search) -> list[Item]:
        """Find the survey's own file, or all items of the collection; see `Source.find`."""
        settings = self.settings
        if settings.path is not None:
            return [search.own_file(self.name, "path", self.key)]
        collection = str(settings.collection)
        advice = f"name the right one in `sources.{self.name}.asset`"

        def freeze(raw: Document) -> Item:
            asset = asset_of(raw, settings.asset, (settings.asset,), advice)
            return search.item(self.name, raw, {self.key: search.asset(raw, asset)})

        found = search.items(self.name, collection, ())
        items = [item for raw in found if (item := search.frozen(self.name, raw, freeze))]
        if not items:
            search.refuse_empty(self.name, collection)
        return items

    def compose(self, scenes: Scenes) -> Float32Array:
        """Bilinear mean of all items; see `Source.compose`."""
        from minecover.sources.blend import blended  # imports libraries of rasters

        return blended(scenes, self.key, self.values)[np.newaxis]
