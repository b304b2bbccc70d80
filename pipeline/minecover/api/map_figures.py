"""Figures of rasters on their ground, and of the classes' curves through the seasons."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.patches import Patch

from minecover.api.axes import legend_beside, new_axes, words_of
from minecover.api.raster_view import RasterView, chosen_view, decimated, views_of
from minecover.api.rasters import geobox_of
from minecover.api.results import Results
from minecover.errors import SurveyError
from minecover.geography.polygon_files import listed
from minecover.samples.class_quartiles import class_quartiles

__all__ = ["curves", "map"]

MOST_PIXELS = 1400
"""Along the longer edge of a map that is drawn; of a larger one every so many pixels."""

TICKS = 4
"""Along an axis, about: coordinates are long."""


def map(
    raster: xr.Dataset | xr.DataArray,
    layer: str | None = None,
    *,
    season: str | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a layer of a raster on its ground, with a legend of classes or a scale of values.

    Parameters
    ----------
    raster
        `run.map`, `run.cube`, `run.features`, or any array (..., y, x) with a CRS.
    layer
        Its name, as ``entropy``, ``probability_mining``, ``summer_NDVI``, ``summer_B08`` or
        ``summer_true_colour``; None: the classes, else a picture in true colour, else the first.
    season
        Of the layers that have one; None: any.
    title
        None: the name of the layer.
    ax
        Axes to draw on.

    Raises
    ------
    SurveyError
        There is no such layer or season; those that there are, are listed.
    DataError
        The raster has no even coordinates x and y.
    """
    view = chosen_view(views_of(raster, season), layer)
    ax = new_axes(ax, 7.2, 5.2)
    colours = view.colours(decimated(view, MOST_PIXELS))
    left, bottom, right, top, label = _ground(view)
    ax.imshow(colours, extent=(left, right, bottom, top), interpolation="nearest")
    ax.set(title=view.title if title is None else title, xlabel=label[0], ylabel=label[1])
    ax.ticklabel_format(style="plain", useOffset=False)
    ax.locator_params(nbins=TICKS)
    ax.tick_params(labelsize="small")
    if view.classes:
        patches = [Patch(color=item.colour, label=words_of(item.name)) for item in view.classes]
        ax.legend(handles=patches, loc="upper left", bbox_to_anchor=(1.02, 1), frameon=False)
    elif not view.is_picture:
        _colour_bar(view, ax)
    return ax


def _ground(view: RasterView) -> tuple[float, float, float, float, tuple[str, str]]:
    """Edges of a view, in kilometres or degrees, and what its axes are called."""
    geobox = geobox_of(view.pixels, "raster")
    box, crs = geobox.boundingbox, geobox.crs
    if crs is not None and crs.geographic:
        return (*box.bbox, ("longitude, °", "latitude, °"))
    left, bottom, right, top = (value / 1000 for value in box.bbox)
    name = "" if crs is None else f" ({f'EPSG:{crs.epsg}' if crs.epsg else crs.proj.name})"
    return left, bottom, right, top, (f"easting, km{name}", "northing, km")


def _colour_bar(view: RasterView, ax: Axes) -> None:
    colours, low, high = view.ramp
    shades = LinearSegmentedColormap.from_list(view.name, list(colours))
    scale = ScalarMappable(Normalize(low, high), shades)
    ax.figure.colorbar(scale, ax=ax, label=view.unit, shrink=0.8)


def curves(results: Results, feature: str = "NDVI", *, ax: Axes | None = None) -> Axes:
    """Draw a feature of each class through the seasons: median and quartiles of the points.

    Parameters
    ----------
    results
        `run`, once its samples are there.
    feature
        Its name without the season, as ``NDVI`` or ``B8``.
    ax
        Axes to draw on.

    Raises
    ------
    SurveyError
        The points have no such feature.
    StoreError
        Samples or features are not there.
    """
    samples, seasons = results.samples, [str(name) for name in results.cube["season"].values]
    layers = {name: f"{name}_{feature}" for name in seasons if f"{name}_{feature}" in samples}
    if not layers:
        known = dict.fromkeys(
            name.removeprefix(f"{seasons[0]}_")
            for name in samples.columns
            if name.startswith(f"{seasons[0]}_")
        )
        raise SurveyError(
            f"feature: no {feature!r} through the seasons; there are {listed([*known])}"
        )
    found = class_quartiles(samples, list(layers.values()))
    ax = new_axes(ax, 7.2, 4.2)
    places, there = range(len(layers)), found[next(iter(layers.values()))]
    for item in results.classes:
        if item.name in there:
            quartiles = [found[layer][item.name] for layer in layers.values()]
            low, middle, high = np.array(quartiles).T
            ax.plot(places, middle, color=item.colour, marker="o", label=words_of(item.name))
            ax.fill_between(places, low, high, color=item.colour, alpha=0.15, linewidth=0)
    ax.set_xticks(places, list(layers))
    unit = _unit(results.features, next(iter(layers.values())))
    ax.set(title="Median and quartiles of the points, by class", ylabel=words_of(feature) + unit)
    return legend_beside(ax)


def _unit(features: xr.DataArray, layer: str) -> str:
    """Write the unit of a layer as it stands behind its name."""
    units = dict(zip(features["layer"].values, features["unit"].values, strict=True))
    unit = str(units.get(layer, "1"))
    return "" if unit == "1" else f", {unit}"
