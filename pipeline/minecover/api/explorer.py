"""A view of a raster in a notebook: the page asks this process for tiles and values."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets
import xarray as xr
from odc.geo.geobox import GeoBox
from PIL import Image

from minecover.api.raster_view import RasterView, decimated, views_of
from minecover.api.rasters import geobox_of
from minecover.arrays import Float32Array
from minecover.errors import MinecoverError
from minecover.samples.classes import LandUseClass

__all__ = ["Explorer"]

EDGE = 256
"""Of a tile, in pixels of the screen."""

STILL = 700
"""Pixels of the longer edge of the picture that stands for the view where nothing runs."""

Answer = dict[str, Any]


class Explorer(anywidget.AnyWidget):
    """Layers of a raster to choose from, to move about in, and to click on.

    Parameters
    ----------
    raster
        Arrays (..., y, x) with a CRS.
    views
        What can be shown of it.
    first
        Place of the one that is shown first.
    season
        Of its layers; None: all.
    height
        In pixels of the page.
    """

    _esm = Path(__file__).with_name("explorer.js")
    _css = Path(__file__).with_name("explorer.css")
    titles = traitlets.List(traitlets.Unicode()).tag(sync=True)
    shown = traitlets.Int().tag(sync=True)
    shape = traitlets.List(traitlets.Int()).tag(sync=True)
    metres = traitlets.Float().tag(sync=True)
    height = traitlets.Int().tag(sync=True)

    def __init__(
        self,
        raster: xr.Dataset | xr.DataArray,
        views: Sequence[RasterView],
        first: int,
        season: str | None,
        height: int,
    ) -> None:
        self._raster, self._views, self._season = raster, list(views), season
        self._geobox = geobox_of(views[first].pixels, "raster")
        super().__init__(
            titles=[view.title for view in views],
            shown=first,
            shape=list(self._geobox.shape),
            metres=_metres(self._geobox),
            height=height,
        )
        self.on_msg(self._answer)

    def _answer(self, _: object, question: dict[str, Any], __: object) -> None:
        """Answer the page; what cannot be read is said there."""
        try:
            answer, images = self.answer(question)
        except MinecoverError as error:
            answer, images = {"error": str(error)}, []
        self.send({**question, **answer}, images)

    def answer(self, question: dict[str, Any]) -> tuple[Answer, list[bytes]]:
        """Answer a question of the page.

        Parameters
        ----------
        question
            `kind`: ``tile`` of the view number `view`, with `step`, `column` and `row`; ``legend``
            of a view; or ``pixel`` at `x`, `y`.

        Returns
        -------
        What is answered, and images with it.
        """
        kind = question["kind"]
        if kind == "pixel":
            return self._pixel(int(question["x"]), int(question["y"])), []
        view = self._views[int(question["view"])]
        if kind == "legend":
            return _legend(view), []
        return {}, [self._tile(view, *(int(question[key]) for key in ("step", "column", "row")))]

    def _tile(self, view: RasterView, step: int, column: int, row: int) -> bytes:
        """Draw a tile as a PNG; at the edges of the raster it is smaller."""
        first = {"y": row * EDGE * step, "x": column * EDGE * step}
        places = {}
        for dim, start in first.items():
            end = min(start + EDGE * step, view.pixels.sizes[dim])
            places[dim] = slice(min(start + step // 2, end - 1), end, step)
        values = np.asarray(view.pixels.isel(places).to_numpy(), dtype=np.float32)
        return _png(view, values)

    def _pixel(self, x: int, y: int) -> Answer:
        """Say what a pixel holds, and where it is."""
        here = self._raster.isel(y=[y], x=[x]).compute()
        values = [
            [view.title, _value(view, float(view.pixels.to_numpy().item()))]
            for view in views_of(here, self._season)
            if not view.is_picture
        ]
        return {"values": values, "place": _place(self._geobox, x, y)}

    def _repr_mimebundle_(self, **options: Any) -> Any:  # noqa: ANN401
        """Add a picture to what a notebook shows, for where no kernel runs."""
        view = self._views[self.shown]
        still = _png(view, decimated(view, STILL), STILL)
        bundle = super()._repr_mimebundle_(**options)
        assert bundle is not None, "a widget has a view"
        data, metadata = bundle
        return {**data, "image/png": still}, metadata


def _metres(geobox: GeoBox) -> float:
    """Width of a pixel in metres; 0 where it is in degrees."""
    projected = geobox.crs is not None and not geobox.crs.geographic
    return abs(float(geobox.resolution.x)) if projected else 0.0


def _png(view: RasterView, values: Float32Array, edge: int = 0) -> bytes:
    """Draw pixels as a PNG, as many times larger as an edge of the picture has room for them."""
    stream, image = io.BytesIO(), Image.fromarray(view.colours(values))
    factor = max(1, edge // max(image.size))
    larger = (factor * image.width, factor * image.height)
    image.resize(larger, Image.Resampling.NEAREST).save(stream, "PNG")
    return stream.getvalue()


def _legend(view: RasterView) -> Answer:
    """Say what the colours of a view mean."""
    if view.is_picture:
        return {"classes": [], "ramp": None}
    if view.classes:
        items = [{"name": _words(item), "colour": item.colour} for item in view.classes]
        return {"classes": items, "ramp": None}
    colours, low, high = view.ramp
    ends = [f"{end:.4g} {view.unit}".strip() for end in (low, high)]
    return {"classes": [], "ramp": {"colours": list(colours), "ends": ends}}


def _value(view: RasterView, value: float) -> str:
    if not np.isfinite(value):
        return "no data"
    names = {item.code: _words(item) for item in view.classes}
    return names.get(int(value), f"{value:.4g} {view.unit}".strip())


def _words(item: LandUseClass) -> str:
    return item.name.replace("_", " ")


def _place(geobox: GeoBox, x: int, y: int) -> str:
    """Coordinates of the centre of a pixel, in the raster's CRS."""
    across, down = geobox.pix2wld(x + 0.5, y + 0.5)
    if geobox.crs is not None and geobox.crs.geographic:
        return f"{across:.5f}°, {down:.5f}°"
    return f"{across:,.0f} m east, {down:,.0f} m north"
