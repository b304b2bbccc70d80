"""What radar sources share: the mean backscatter of a season, in decibels.

Means are taken of linear power, never of decibels: the logarithm is concave, so a mean of
decibels lies below the decibels of the mean wherever there is speckle. All overpasses count
alike, ascending and descending ones together, unless the survey keeps orbits apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, ClassVar, Literal, TypeVar

import numpy as np
from pydantic import Field, field_validator

from minecover.arrays import Float32Array
from minecover.errors import SurveyError
from minecover.layers import Layer, Variable
from minecover.settings import Section
from minecover.sources.bands import Band, bands_in_data, present_assets
from minecover.sources.orbits import (
    Orbit,
    is_of,
    labelled,
    of_orbit,
    recorded_orbit,
    with_orbit,
    worded,
)
from minecover.sources.source import Scenes, Source

if TYPE_CHECKING:
    from minecover.sources.item_document import Document
    from minecover.sources.manifest import Item
    from minecover.sources.search import Search

__all__ = ["RadarSettings", "RadarSource"]


class RadarSettings(Section):
    """Section of a radar source; `collection` gets its default in a subclass."""

    collection: str = Field(description="STAC collection")
    polarisations: tuple[str, ...] | None = Field(
        None, description="polarisations that the data has, as [VV]; null: all"
    )
    assets: dict[str, str] = Field(
        default_factory=dict, description="asset of a polarisation where it is not found by itself"
    )
    values: Literal["linear", "db"] = Field("linear", description="what the assets hold")
    orbits: tuple[Orbit, ...] = Field(
        (),
        description="composites that are kept apart, each with layers of its own: `ascending`, "
        "`descending`, or numbers of relative orbits; empty: all overpasses together",
    )
    border_noise: float = Field(
        0.0,
        ge=0,
        le=2000,
        description="metres from the edge of an image within which near-zero power is masked; "
        "0: nowhere",
    )
    border_faintest: float = Field(
        -30.0, ge=-60, le=-15, description="decibels below which power at the edge is noise"
    )
    speckle: Literal["none", "lee", "enhanced_lee"] = Field(
        "none", description="filter of each image, in linear power, before the mean of the season"
    )
    speckle_window: int = Field(5, ge=3, le=15, description="edge of its window in pixels, odd")
    looks: float = Field(
        4.4, gt=0, le=1000, description="equivalent number of looks of an image, for the filter"
    )

    @field_validator("orbits")
    @classmethod
    def _once(cls, orbits: tuple[Orbit, ...]) -> tuple[Orbit, ...]:
        if len(set(orbits)) < len(orbits):
            raise ValueError("an orbit is there twice; name each once")
        return orbits

    @field_validator("speckle_window")
    @classmethod
    def _odd(cls, window: int) -> int:
        if window % 2 == 0:
            raise ValueError(f"{window} is even; give an odd number")
        return window


S = TypeVar("S", bound=RadarSettings)


class RadarSource(Source[S]):
    """A sensor of one polarisation or several.

    Attributes
    ----------
    polarisations
        Of the sensor, in the order of their layers.
    array
        Name of the cube's array of its backscatter; None: its own name with `_backscatter`.
    """

    polarisations: ClassVar[tuple[Band, ...]]
    array: ClassVar[str | None] = None
    work_keys = ("speckle", "border_noise")

    def layers(self) -> tuple[Layer, ...]:
        """Backscatter of each polarisation, of each orbit where they are kept apart."""
        return tuple(self._layers_of(self.data_bands))

    def lacking(self) -> tuple[Layer, ...]:
        """Backscatter of the polarisations that the survey's data does not have."""
        there = self.data_bands
        return tuple(self._layers_of([p for p in self.polarisations if p not in there]))

    @property
    def data_bands(self) -> tuple[Band, ...]:
        """Polarisations that the survey's data has; see `bands_in_data`."""
        key = f"sources.{self.name}.polarisations"
        return bands_in_data(self.polarisations, self.settings.polarisations, key)

    def _layers_of(self, polarisations: Sequence[Band]) -> Iterator[Layer]:
        name = self.array or f"{self.name}_backscatter"
        array = Variable(name, f"mean backscatter of {self.label}", "polarisation")
        kind = (self.name, "backscatter", "dB", True)
        for orbit, p in product(self._orbits, polarisations):
            text, feature = worded(p.description, orbit), labelled(p.feature, orbit)
            yield Layer(labelled(p.name, orbit), *kind, text, feature, p.code, array)

    @property
    def _orbits(self) -> tuple[Orbit | None, ...]:
        """What is composed apart; None: all overpasses."""
        return self.settings.orbits or (None,)

    def find(self, search: Search) -> list[Item]:
        """Find the items of every season; see `Source.find`.

        An item of one polarisation alone serves that one, and is noted as left out for the other.
        """
        settings, there = self.settings, set[str]()

        def freeze(raw: Document) -> Item:
            keys, lacking = present_assets(
                raw, self.data_bands, settings.assets, self.name, "polarisations"
            )
            if not keys:
                raise lacking[0]
            assets = {name: search.asset(raw, key) for name, key in keys.items()}
            item = with_orbit(search.item(self.name, raw, assets), raw, settings.orbits)
            for fault in lacking:
                search.leave_out(self.name, raw, str(fault), search.seasons_of(raw))
            return item

        def is_wanted(raw: Document) -> bool:
            state, number = recorded_orbit(raw)
            there.add(f"{number or 'unknown'} {state}".strip())
            # one that does not say is left out by its name, when it is frozen
            unknown = not state or not number
            return unknown or any(is_of(orbit, state, number) for orbit in self._orbits)

        found = search.items_by_season(
            self.name, settings.collection, freeze, is_wanted, "of other orbits"
        )
        self._check_complete(search, found, sorted(there))
        return search.numbered(found)

    def _check_complete(self, search: Search, found: Sequence[Item], there: Sequence[str]) -> None:
        """Refuse a layer of which a season has no item."""
        collection = self.settings.collection
        for season, band, orbit in product(search.seasons, self.data_bands, self._orbits):
            fitting = of_orbit(found, orbit)
            if any(season in item.seasons and band.name in item.assets for item in fitting):
                continue
            if orbit is None:
                search.refuse_empty(self.name, collection, season)
            raise SurveyError(
                f"sources.{self.name}.orbits: season {season} has no item of {collection} for "
                f"{labelled(band.name, orbit)}; orbits over the area in all seasons: "
                f"{', '.join(there)}; name others, or change the date ranges"
            )

    def compose(self, scenes: Scenes) -> Float32Array:
        """Mean backscatter of the season; see `Source.compose`."""
        # imports libraries of rasters
        from minecover.sources.backscatter import Cleaning, mean_backscatter

        settings, names = self.settings, [band.name for band in self.data_bands]
        cleaning = Cleaning(
            settings.values == "db",
            settings.border_noise,
            settings.border_faintest,
            None if settings.speckle == "none" else settings.speckle,
            settings.speckle_window,
            settings.looks,
        )
        images = [
            mean_backscatter(replace(scenes, items=of_orbit(scenes.items, orbit)), names, cleaning)
            for orbit in self._orbits
        ]
        return np.concatenate(images)
