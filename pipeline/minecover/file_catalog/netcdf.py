"""netCDF files of openEO: one variable a band over time, rewritten as one GeoTIFF a date.

A catalog's images are TIFF and JPEG 2000, and a netCDF file of years would be read whole for each
window by some of its compressions; its numbers are copied as they are.
"""

from __future__ import annotations

import datetime as dt
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from minecover.errors import DataError
from minecover.file_catalog.names import band_in
from minecover.sources.item_document import ItemError

__all__ = ["converted"]

SINCE = re.compile(
    r"(days|hours|minutes|seconds) since (\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?)"
)
"""Units of time of the CF conventions that have a fixed length."""


def converted(source: Path, folder: Path) -> list[Path]:
    """Write one GeoTIFF a date of the known bands of a netCDF file.

    Parameters
    ----------
    source
        The file.
    folder
        Where they go; its name and the date make theirs.

    Raises
    ------
    DataError
        It cannot be read, or has no band or time that is known.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # the whole has no grid
            return list(_converted(source, folder))
    except RasterioError as error:
        raise DataError(
            f"{source}: cannot read it: {error}; save it as GeoTIFF (openEO: save_result(format="
            "'GTiff'))"
        ) from error


def _converted(source: Path, folder: Path) -> Iterator[Path]:
    with rasterio.open(source) as whole:
        places = whole.subdatasets or [f"netcdf:{source}"]
    variables = {band: place for place in places if (band := band_in(place.rpartition(":")[2]))}
    if not variables:
        raise ItemError(f"{source}: none of its variables is a known band, such as B02 or VV")
    files = {band: rasterio.open(place) for band, place in variables.items()}
    try:
        moments = [_moments(file, source) for file in files.values()]
        if any(other != moments[0] for other in moments):
            raise ItemError(f"{source}: its variables are of different dates; save each by itself")
        for number, moment in enumerate(moments[0], start=1):
            path = folder / f"{source.stem}_{moment:%Y%m%dT%H%M%S}.tif"
            _write(path, files, number)
            yield path
    finally:
        for file in files.values():
            file.close()


def _write(path: Path, files: dict[str, rasterio.DatasetReader], number: int) -> None:
    """Write all bands of a date."""
    first = next(iter(files.values()))
    kinds = {(file.dtypes[0], file.nodata, file.shape, file.transform) for file in files.values()}
    if len(kinds) > 1 or first.crs is None:
        raise ItemError(
            f"{path.name}: its bands differ in data type, nodata or grid, or have no CRS; save "
            "them as GeoTIFF"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path, "w", driver="GTiff", width=first.width, height=first.height, count=len(files),
        dtype=first.dtypes[0], crs=first.crs, transform=first.transform, nodata=first.nodata,
        tiled=True, blockxsize=256, blockysize=256, compress="deflate",
    ) as image:  # fmt: skip
        for place, (band, file) in enumerate(files.items(), start=1):
            image.write(file.read(number), place)
            image.set_band_description(place, band)
        image.scales = tuple(file.scales[0] for file in files.values())
        image.offsets = tuple(file.offsets[0] for file in files.values())


def _moments(file: rasterio.DatasetReader, source: Path) -> list[dt.datetime]:
    """Read the times of the bands of a variable."""
    name = file.tags().get("NETCDF_DIM_EXTRA", "").strip("{}")
    units = SINCE.match(file.tags().get(f"{name}#units", ""))
    values = [file.tags(number).get(f"NETCDF_DIM_{name}") for number in file.indexes]
    if units is None or None in values:
        raise ItemError(
            f"{source}: its variables have no time that is understood (one dimension beside x and "
            "y, in days, hours, minutes or seconds since a date); save it as GeoTIFF"
        )
    start = dt.datetime.fromisoformat(units[2]).replace(tzinfo=dt.UTC)
    return [start + dt.timedelta(**{units[1]: float(str(value))}) for value in values]
