"""What radar sources share: the mean backscatter of a season, in decibels.

Means are taken of linear power, never of decibels: the logarithm is concave, so a mean of
decibels lies below the decibels of the mean wherever there is speckle. All overpasses count
alike, ascending and descending ones together.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, ClassVar, Literal, TypeVar

from pydantic import Field

from minecover.arrays import Float32Array
from minecover.layers import Layer, Variable
from minecover.settings import Section
from minecover.sources.bands import Band, present_assets
from minecover.sources.source import Scenes, Source

if TYPE_CHECKING:
    from minecover.sources.item_document import Document
    from minecover.sources.manifest import Item
    from minecover.sources.search import Search

__all__ = ["RadarSettings", "RadarSource"]


class RadarSettings(Section):
    """Section of a radar source; `collection` gets its default in a subclass."""

    collection: str = Field(description="STAC collection")
    assets: dict[str, str] = Field(
        default_factory=dict, description="asset of a polarisation where it is not found by itself"
    )
    values: Literal["linear", "db"] = Field("linear", description="what the assets hold")


S = TypeVar("S", bound=RadarSettings)


class RadarSource(Source[S]):
    """A sensor of one polarisation or several.

    Attributes
    ----------
    polarisations
        In the order of their layers.
    array
        Name of the cube's array of its backscatter; None: its own name with `_backscatter`.
    """

    polarisations: ClassVar[tuple[Band, ...]]
    array: ClassVar[str | None] = None

    def layers(self) -> tuple[Layer, ...]:
        """Backscatter of each polarisation."""
        name = self.array or f"{self.name}_backscatter"
        array = Variable(name, f"mean backscatter of {self.label}", "polarisation")
        kind = (self.name, "backscatter", "dB", True)
        return tuple(
            Layer(p.name, *kind, p.description, p.feature, p.code, array)
            for p in self.polarisations
        )

    def find(self, search: Search) -> list[Item]:
        """Find the items of every season; see `Source.find`.

        An item of one polarisation alone serves that one, and is noted as left out for the other.
        """

        def freeze(raw: Document) -> Item:
            settings = self.settings
            keys, lacking = present_assets(raw, self.polarisations, settings.assets, self.name)
            if not keys:
                raise lacking[0]
            assets = {name: search.asset(raw, key) for name, key in keys.items()}
            item = search.item(self.name, raw, assets)
            for fault in lacking:
                search.leave_out(self.name, raw, str(fault), search.seasons_of(raw))
            return item

        found = search.items_by_season(self.name, self.settings.collection, freeze)
        for season, band in product(search.seasons, self.polarisations):
            if not any(season in item.seasons and band.name in item.assets for item in found):
                search.refuse_empty(self.name, self.settings.collection, season)
        return search.numbered(found)

    def compose(self, scenes: Scenes) -> Float32Array:
        """Mean backscatter of the season; see `Source.compose`."""
        from minecover.sources.backscatter import mean_backscatter  # imports libraries of rasters

        names = [band.name for band in self.polarisations]
        return mean_backscatter(scenes, names, decibels=self.settings.values == "db")
