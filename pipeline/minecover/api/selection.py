"""Layers of a survey's store, found by their names, bands and seasons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from minecover.api.rasters import class_codes
from minecover.api.results import Results
from minecover.errors import SurveyError
from minecover.stages.features import open_features
from minecover.storage.layers import LAYERS
from minecover.storage.names import (
    CUBE_RASTER,
    FEATURES_RASTER,
    MAP_RASTER,
    TEXTURE_RANGE_FILE,
)
from minecover.storage.raster import Raster

__all__ = ["RASTERS", "Selection", "StoredLayer", "chosen_layers", "labels_of", "open_layers_of"]

RASTERS = {"map": MAP_RASTER, "cube": CUBE_RASTER, "features": FEATURES_RASTER}
"""Rasters of a store; a name that several have is looked for in this order."""

NOT_STORED = (
    "are not stored here but computed from the cube; export them by the survey, "
    "mc.export(mc.open_survey(FILE).results(), ...) or `minecover export FILE ...`"
)


@dataclass(frozen=True)
class Selection:
    """What is wanted of a store.

    Attributes
    ----------
    raster
        Of `RASTERS`; None: whichever has the names.
    layers
        Whole names, as ``summer_NDVI``.
    bands
        Names without their season, as ``B08``, ``NDVI`` or ``elevation``.
    seasons
        Of the bands that have one; none: all.
    """

    raster: str | None = None
    layers: tuple[str, ...] = ()
    bands: tuple[str, ...] = ()
    seasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class StoredLayer:
    """A layer of a store.

    Attributes
    ----------
    raster, array
        Where it is: of `RASTERS`, and the array of it.
    name
        In the raster, with its season in front.
    season
        Empty for what is observed once.
    unit, title
        Of its values, and what it holds.
    codes
        Code of each class by name, where it holds codes of classes.
    axis, depth
        Dimension of the array, beside its season, along which it lies (empty: none), and how many
        lie along it.
    """

    raster: str
    array: str
    name: str
    season: str
    unit: str
    title: str
    codes: Mapping[str, int]
    axis: str
    depth: int

    @property
    def band(self) -> str:
        """Name without its season."""
        return self.name.removeprefix(f"{self.season}_") if self.season else self.name


def chosen_layers(results: Results, selection: Selection) -> list[StoredLayer]:
    """Find layers in a store, in the order in which they are wanted.

    Raises
    ------
    SurveyError
        Nothing is chosen, or a name is not there: the message lists those that are.
    StoreError
        The raster is not there.
    """
    known = list(_layers(results, selection.raster))
    if not selection.layers and not selection.bands and selection.raster is None:
        raise SurveyError(
            "choose what is exported: a raster, layers or bands; there are\n" + _listed(known)
        )
    if selection.layers and (selection.bands or selection.seasons):
        raise SurveyError("layers: they name their season and band; leave out bands and seasons")
    for what, wanted, there in (
        ("layers", selection.layers, {layer.name for layer in known}),
        ("bands", selection.bands, {layer.band for layer in known}),
        ("seasons", selection.seasons, {layer.season for layer in known} - {""}),
    ):
        missing = [name for name in wanted if name not in there]
        if missing:
            text = f"{what}: no {', '.join(missing)}; there are\n{_listed(known)}"
            hidden = selection.raster is None and _are_computed(results)
            raise SurveyError(f"{text}\n  features {NOT_STORED}" if hidden else text)
    return _found(known, selection)


def open_layers_of(results: Results, raster: str) -> Raster:
    """Open a raster of a store by the names of its layers; features are computed if need be."""
    survey = results.survey
    if raster == "features" and survey is not None:
        return open_features(results.store, survey, results.period)
    return results.store.layers(RASTERS[raster], results.period)


def labels_of(array: xr.DataArray) -> Iterator[dict[str, str]]:
    """Labels of each slice (y, x) of an array, in C order of its dimensions before y and x."""
    leading = array.dims[:-2]
    coords = {
        str(key): coord
        for key, coord in array.coords.items()
        if coord.dims and set(coord.dims) <= set(leading)
    }
    for index in np.ndindex(array.shape[:-2]):
        place = dict(zip(leading, index, strict=True))
        yield {
            key: str(coord.values[tuple(place[dim] for dim in coord.dims)])
            for key, coord in coords.items()
        }


def _found(known: Sequence[StoredLayer], selection: Selection) -> list[StoredLayer]:
    """Pick layers: those of a name from the first raster that has it."""
    first: dict[str, str] = {}
    for layer in known:
        first.setdefault(layer.band, layer.raster)
    if selection.layers:
        place = {name: number for number, name in enumerate(selection.layers)}
        picked = [layer for layer in known if layer.name in place]
        picked.sort(key=lambda layer: place[layer.name])
    else:
        place = {name: number for number, name in enumerate(selection.bands)}
        picked = [layer for layer in known if not place or layer.band in place]
        picked.sort(key=lambda layer: place.get(layer.band, 0))
    # what has no season is wanted where it is named
    seasons = {*selection.seasons, *([""] if selection.bands else [])}
    return [
        layer
        for layer in picked
        if first[layer.band] == layer.raster and (not selection.seasons or layer.season in seasons)
    ]


def _layers(results: Results, raster: str | None) -> Iterator[StoredLayer]:
    """List the layers of a raster of a store, or of all that are there."""
    if raster is not None and raster not in RASTERS:
        raise SurveyError(f"raster: no {raster}; there are {', '.join(RASTERS)}")
    if raster == "features" and _are_computed(results):
        raise SurveyError(f"raster: features {NOT_STORED}")
    for name in RASTERS if raster is None else (raster,):
        if raster is not None or _is_there(results, name):
            yield from _layers_of(results, name)


def _is_there(results: Results, raster: str) -> bool:
    keys = [f"{RASTERS[raster]}/zarr.json"]
    survey = results.survey
    if raster == "features" and survey is not None and not survey.features.are_stored:
        keys = [TEXTURE_RANGE_FILE]
    return all(results.store.read(key) is not None for key in keys)


def _layers_of(results: Results, raster: str) -> Iterator[StoredLayer]:
    if raster == "features":
        features = results.features
        yield from _layers_of_array(raster, features, features["layer"].values.tolist())
        return
    dataset = results.cube if raster == "cube" else results.map
    for array, names in results.store.layers(RASTERS[raster]).attributes[LAYERS]:
        yield from _layers_of_array(raster, dataset[array], names)


def _layers_of_array(
    raster: str, array: xr.DataArray, names: Iterable[str]
) -> Iterator[StoredLayer]:
    attributes, codes = array.attrs, class_codes(array)
    axis = next((str(dim) for dim in array.dims[:-2] if dim != "season"), "")
    for name, labels in zip(names, labels_of(array), strict=True):
        yield StoredLayer(
            raster=raster,
            array=str(array.name),
            name=name,
            season=labels.get("season", ""),
            unit=labels.get("unit", str(attributes.get("units", "1"))),
            title=str(attributes.get("long_name", "")),
            codes=codes,
            axis=axis,
            depth=array.sizes.get(axis, 1),
        )


def _are_computed(results: Results) -> bool:
    """Tell whether a store has features of a survey that is not at hand to compute them."""
    there = results.survey is not None or _is_there(results, "features")
    return not there and results.store.read(TEXTURE_RANGE_FILE) is not None


def _listed(layers: Sequence[StoredLayer]) -> str:
    """Say which names there are, one line a raster."""
    lines = []
    for raster in dict.fromkeys(layer.raster for layer in layers):
        own = [layer for layer in layers if layer.raster == raster]
        bands = ", ".join(dict.fromkeys(layer.band for layer in own))
        seasons = ", ".join(dict.fromkeys(layer.season for layer in own if layer.season))
        lines.append(f"  {raster}: {bands}" + (f"; of {seasons}" if seasons else ""))
    return "\n".join(lines) or "  nothing yet; run the survey first"
