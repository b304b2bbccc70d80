"""`run.map.explore()`: every Dataset and DataArray can be looked at in a notebook.

This is so once this module is imported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import xarray as xr

from minecover.api.raster_view import chosen_view, views_of
from minecover.errors import SurveyError

if TYPE_CHECKING:
    from minecover.api.explorer import Explorer

__all__: list[str] = []


class _Explore:
    """A view to move about in: `run.cube.explore(season="summer")`."""

    def __init__(self, raster: xr.Dataset | xr.DataArray) -> None:
        self._raster = raster

    def __call__(
        self, layer: str | None = None, *, season: str | None = None, height: int = 460
    ) -> Explorer:
        """Show a raster in a notebook: layers to choose from, to move about in, and to click on.

        Pixels are read where they are looked at, from the kernel alone.

        Parameters
        ----------
        layer
            That is shown first, as for `mc.plot.map`.
        season
            Of the layers that have one; None: all of them.
        height
            Of the view, in pixels of the page.

        Raises
        ------
        SurveyError
            There is no such layer or season, or the extra `notebook` is not installed.
        DataError
            The raster has no even coordinates x and y.
        """
        views = views_of(self._raster, season)
        first = views.index(chosen_view(views, layer))
        try:
            from minecover.api.explorer import Explorer
        except ModuleNotFoundError as error:
            if error.name != "anywidget":
                raise
            raise SurveyError(
                "explore needs the package anywidget: pip install 'minecover[notebook]'"
            ) from error
        return Explorer(self._raster, views, first, season, height)


for _register in (xr.register_dataset_accessor, xr.register_dataarray_accessor):
    _register("explore")(_Explore)  # type: ignore[no-untyped-call]
