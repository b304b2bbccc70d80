"""What a layer of a raster holds: its name, unit, season, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from minecover.errors import SurveyError

__all__ = ["Layer", "RasterLayer", "Variable", "raster_layers"]


@dataclass(frozen=True)
class Variable:
    """An array of the cube, which holds layers of one kind and unit.

    Attributes
    ----------
    name
        In the store, for example ``"reflectance"``.
    title
        What it holds, in a few words.
    axis
        Dimension along which its layers lie, each under its name, for example ``"band"``; None:
        it holds one layer (one a season, where that is seasonal).
    bounds
        Lowest and highest value that can be; None: nobody can say.
    """

    name: str
    title: str
    axis: str | None = None
    bounds: tuple[float | None, float | None] = (None, None)


@dataclass(frozen=True)
class Layer:
    """A layer of the cube or of the features, without its season.

    Attributes
    ----------
    name
        In the raster; a seasonal layer has its season in front, as in ``summer_NDVI``.
    source
        Name of the source it is made from.
    group
        Kind of layer, for example band, index, texture, backscatter, terrain.
    unit
        Of the values; ``"1"`` for a pure number.
    seasonal
        Whether there is one a season, or one for the whole survey.
    description
        What it is, or how it is computed, and where that comes from.
    feature
        Of a layer of the cube: name of the feature that it is, without any computation; None: it
        is none.
    code
        Number in Table 2 of Liu et al. 2025 (10.6046/zrzyyg.2024080), 1 to 31; None: not of it.
    variable
        Of a layer of the cube: the array of the store that holds it; None: one of its own, which
        has its name.
    """

    name: str
    source: str
    group: str
    unit: str
    seasonal: bool
    description: str
    feature: str | None = None
    code: int | None = None
    variable: Variable | None = None

    def in_season(self, season: str) -> str:
        """Name in a raster: with the season in front where there is one a season."""
        return f"{season}_{self.name}" if self.seasonal else self.name


@dataclass(frozen=True)
class RasterLayer:
    """One layer of a raster of several seasons.

    Attributes
    ----------
    name
        In the raster.
    season
        That it is of; None: of the whole survey.
    content
        What it holds.
    """

    name: str
    season: str | None
    content: Layer


def raster_layers(seasons: Iterable[str], contents: Iterable[Layer]) -> tuple[RasterLayer, ...]:
    """Lay out layers season by season, then those of the whole survey.

    Raises
    ------
    SurveyError
        Two layers would have the same name.

    Examples
    --------
    >>> ndvi = Layer("NDVI", "sentinel2", "index", "1", True, "(N - R) / (N + R)")
    >>> slope = Layer("slope", "terrain", "terrain", "degree", False, "Horn 1981")
    >>> [layer.name for layer in raster_layers(("spring", "autumn"), (slope, ndvi))]
    ['spring_NDVI', 'autumn_NDVI', 'slope']
    """
    known = tuple(contents)
    laid: dict[str, RasterLayer] = {}
    for season in (*seasons, None):
        for content in known:
            if content.seasonal != (season is not None):
                continue
            name = content.name if season is None else content.in_season(season)
            if name in laid:
                first = laid[name].content
                raise SurveyError(
                    f"two layers are called {name}: {_origin(first)} and {_origin(content)}; "
                    "rename one of them, or leave it out"
                )
            laid[name] = RasterLayer(name, season, content)
    return tuple(laid.values())


def _origin(layer: Layer) -> str:
    return f"{layer.group} of {layer.source} ({layer.description})"
