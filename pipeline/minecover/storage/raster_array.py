"""The arrays that a raster of a store is made of, and how the cube's layers are laid into them.

A raster is a Zarr group of one array or several, each (..., y, x): `reflectance` is
(season, band, y, x), `elevation` is (y, x). Every two-dimensional slice is a layer and has a name,
as `summer_B08`; by these names the stages read, whatever the arrays look like. Where a survey names
periods every array has `period` for its first dimension, and each period the same layers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from minecover.errors import SurveyError
from minecover.layers import Layer, RasterLayer, Variable, raster_layers
from minecover.storage.canonical_json import Json

__all__ = [
    "PERIOD",
    "SEASON",
    "UNIT",
    "RasterArray",
    "cube_arrays",
    "feature_array",
    "names_of",
    "stacked",
]

SEASON = "season"
"""Dimension of the cube."""

UNIT = "unit"
"""Coordinate of the features: the unit of each layer."""

PERIOD = "period"
"""First dimension of every array where a survey names periods."""

TAKEN = frozenset({"x", "y", "spatial_ref", SEASON, PERIOD})
"""Names in a cube's group that no array of layers can have."""


@dataclass(frozen=True)
class RasterArray:
    """One array of a raster, (..., y, x) float32, NaN where nodata.

    Attributes
    ----------
    name
        In the group.
    layers
        Names of its layers, in C order of its axes.
    axes
        Its dimensions before y and x, with the labels along each.
    attributes
        As `long_name` and `units`.
    coordinates
        More labels along its only axis.

    Raises
    ------
    ValueError
        There are not as many names as layers.
    """

    name: str
    layers: tuple[str, ...]
    axes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    attributes: Mapping[str, Json] = field(default_factory=dict)
    coordinates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if math.prod(self.shape) != len(self.layers):
            raise ValueError(f"{self.name}: {len(self.layers)} names for a shape of {self.shape}")

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of the axes before y and x."""
        return tuple(len(labels) for labels in self.axes.values())

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Names of all dimensions."""
        return (*self.axes, "y", "x")


def names_of(arrays: Iterable[RasterArray]) -> tuple[str, ...]:
    """Names of the layers of a raster in order: array after array."""
    return tuple(name for array in arrays for name in array.layers)


def stacked(
    layers: Sequence[str], name: str = "layers", axis: str = "layer", **attributes: Json
) -> RasterArray:
    """Lay layers one above the other, each labelled by its name: (layer, y, x)."""
    return RasterArray(name, tuple(layers), {axis: tuple(layers)}, attributes)


def feature_array(layers: Sequence[RasterLayer]) -> RasterArray:
    """Lay features one above the other, with season, feature and source beside their names.

    Parameters
    ----------
    layers
        In order; the season of one of the whole survey is empty text.
    """
    contents = [layer.content for layer in layers]
    names = tuple(layer.name for layer in layers)
    coordinates = {
        SEASON: tuple(layer.season or "" for layer in layers),
        "feature": tuple(content.name for content in contents),
        "source": tuple(content.source for content in contents),
        UNIT: tuple(content.unit for content in contents),
    }
    title = {"long_name": "features of the survey"}
    return RasterArray("features", names, {"layer": names}, title, coordinates)


def cube_arrays(seasons: Iterable[str], layers: Iterable[Layer]) -> tuple[RasterArray, ...]:
    """Lay the layers of all sources into the arrays of the cube.

    Parameters
    ----------
    seasons
        Names in order.
    layers
        Source by source, without their seasons.

    Raises
    ------
    SurveyError
        Two layers or two arrays would have the same name.
    """
    periods, contents = tuple(seasons), tuple(layers)
    raster_layers(periods, contents)  # refuses a name that is there twice
    variables: dict[tuple[Variable, bool], list[Layer]] = {}
    for layer in contents:
        variable = layer.variable or Variable(layer.name, layer.description)
        variables.setdefault((variable, layer.seasonal), []).append(layer)
    arrays = [
        _cube_array(variable, held, periods if seasonal else None)
        for (variable, seasonal), held in variables.items()
    ]
    taken = set(TAKEN).union(*(array.axes for array in arrays))
    for array in arrays:
        if array.name in taken:
            raise SurveyError(
                f"an array of the cube is called {array.name} ({array.attributes['long_name']}), "
                "as another array or axis is; give the variable of its layers another name"
            )
        taken.add(array.name)
    return tuple(arrays)


def _cube_array(
    variable: Variable, layers: Sequence[Layer], seasons: tuple[str, ...] | None
) -> RasterArray:
    axes: dict[str, tuple[str, ...]] = {} if seasons is None else {SEASON: seasons}
    if variable.axis is not None:
        axes[variable.axis] = tuple(layer.name for layer in layers)
    names = tuple(layer.in_season(season) for season in seasons or ("",) for layer in layers)
    attributes: dict[str, Json] = {"long_name": variable.title, "units": layers[0].unit}
    attributes |= dict(_bounds(variable))
    return RasterArray(variable.name, names, axes, attributes)


def _bounds(variable: Variable) -> Iterator[tuple[str, float]]:
    for key, bound in zip(("valid_min", "valid_max"), variable.bounds, strict=True):
        if bound is not None:
            yield key, bound
