"""Rasters out of the face: cloud-optimized GeoTIFFs with names, statistics and QGIS styles."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

import xarray as xr

from minecover.api.areas import Area
from minecover.api.array_files import export_array
from minecover.api.results import Results
from minecover.api.selection import Selection
from minecover.api.store_files import StoreExport, check_folder
from minecover.errors import SurveyError
from minecover.survey import Survey

__all__ = ["export"]


def export(
    data: Results | xr.DataArray | xr.Dataset,
    path: str | Path,
    *,
    raster: str | None = None,
    layers: str | Sequence[str] = (),
    bands: str | Sequence[str] = (),
    seasons: str | Sequence[str] = (),
    area: Area | None = None,
) -> list[Path]:
    """Write cloud-optimized GeoTIFFs that any GIS opens, with a QGIS style beside each.

    Pixels are read, or computed, and written block by block, so memory does not grow with the area.
    Each file appears when it is whole and rio-cogeo finds it valid.

    Parameters
    ----------
    data
        Results of a survey, of which layers are chosen; an array (..., y, x) with a CRS, whose
        slices become the bands of one file; or a Dataset of such arrays, a file each.
    path
        Of the file of an array, which ends in ``.tif`` or ``.tiff``; else of a folder.
    raster
        Of results: ``"cube"``, ``"features"`` or ``"map"``; None: whichever has the names.
    layers
        Of results: whole names, as ``"summer_NDVI"``.
    bands
        Of results: names without their season, as ``"B08"``, ``"NDVI"`` or ``"elevation"``.
    seasons
        Of results: of the bands that have one; none: all.
    area
        Of results: a file of polygons (a layer as ``"file.gpkg|layername=NAME"``), a box (left,
        bottom, right, top) or a geometry in degrees, or a GeoDataFrame; None: all that is stored.
        Pixels outside become nodata.

    Returns
    -------
    Paths of the GeoTIFFs.

    Raises
    ------
    SurveyError
        An argument is of a wrong type, a name is not there, nothing is chosen, or the area does not
        touch the layers.
    DataError
        An array has no CRS, no regular grid, or pixels that no GeoTIFF holds.
    StoreError
        A file cannot be written.

    Warns
    -----
    UserWarning
        Tiles are not done yet, whose pixels are nodata.

    Examples
    --------
    >>> import minecover as mc
    >>> results = mc.open_store("store")  # doctest: +SKIP
    >>> mc.export(results, "for-qgis", bands=["B08", "B04", "B03"], seasons="summer")
    ... # doctest: +SKIP
    [PosixPath('for-qgis/summer_B08_B04_B03.tif')]
    >>> mc.export(results.map["entropy"], "entropy.tif")  # doctest: +SKIP
    [PosixPath('entropy.tif')]
    """
    _check(data, path, raster)
    names = {"layers": layers, "bands": bands, "seasons": seasons}
    path, chosen = Path(path), [_names(given, argument) for argument, given in names.items()]
    if isinstance(data, Results):
        check_folder(path)
        job = StoreExport.of(data, Selection(raster, *chosen), area)
        for note in job.notes():
            warnings.warn(note, stacklevel=2)
        return list(job.write(path))
    if raster is not None or any(chosen) or area is not None:
        raise SurveyError(
            "raster, layers, bands, seasons and area choose from the results of a survey; choose "
            "from an array by its own .sel(...) and .rio.clip(...)"
        )
    if isinstance(data, xr.DataArray):
        return [export_array(data, path)]
    check_folder(path)
    return [export_array(array, path / f"{name}.tif") for name, array in data.data_vars.items()]


def _check(data: object, path: object, raster: object) -> None:
    if not isinstance(data, Results | xr.DataArray | xr.Dataset):
        hint = "; open those of a survey by .results()" if isinstance(data, Survey) else ""
        raise SurveyError(
            "data: results of a survey, or a DataArray or Dataset are wanted, not "
            f"{type(data).__name__}{hint}"
        )
    if not isinstance(path, str | os.PathLike):
        raise SurveyError(f"path: the name of a file or folder is wanted, not {path!r}")
    if not isinstance(raster, str | None):
        raise SurveyError(f"raster: a name is wanted, not {raster!r}")


def _names(given: object, argument: str) -> tuple[str, ...]:
    names = (given,) if isinstance(given, str) else given
    if not isinstance(names, Iterable):
        raise SurveyError(f"{argument}: names are wanted, not {given!r}")
    names = tuple(names)
    wrong = [name for name in names if not isinstance(name, str)]
    if wrong:
        raise SurveyError(f"{argument}: names are wanted, not {wrong[0]!r}")
    return names
