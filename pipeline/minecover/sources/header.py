"""What a raster says of itself, and how its item's record is held against it.

A record may be stale, in another order or of another file; what is in the file is read, so its
header wins wherever the two differ, and the manifest says so. What cannot be read rightly by
either, such as one of ten bands when nobody says which, is a fault of its item.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from affine import Affine
from obstore.exceptions import BaseError
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioIOError
from rasterio.io import DatasetReader, MemoryFile

from minecover.simulated import is_tagged
from minecover.sources.gdal import gdal_env, open_raster, reading_error
from minecover.sources.item_document import ItemError
from minecover.sources.links import redacted
from minecover.sources.manifest import Asset
from minecover.sources.native import NativeGrid, checked_grid, transformer_between
from minecover.sources.ranges import bytes_of, is_far
from minecover.sources.tiff import Read, TiffTiles, tiff_tiles
from minecover.sources.zarr_images import READING_ERRORS, ZarrImage, is_zarr, open_image
from minecover.storage.s3 import AMAZON, S3Access

__all__ = ["BY_HEADER", "Header", "confirmed", "read_header"]

BEGINNING = 2**15
"""Bytes in which a COG of a Sentinel-2 band, tiled by 512 pixels, has its headers."""

LARGEST_BLOCK = 2**29
"""Bytes of a block."""

SAME_PLACE = 0.01
"""Pixels by which the corners of a record may lie off those of the file: rounding."""

BY_HEADER = "placed by the file's header, which its item's record (proj:*) does not fit"


@dataclass(frozen=True)
class Header:
    """What a raster says of itself.

    Attributes
    ----------
    crs
        As WKT; None: it has none.
    transform
        Column and row to x and y: a, b, c, d, e, f of the affine; of a raster without any the
        identity.
    shape
        Rows and columns.
    bands
        What its bands are called, empty where nothing is said; without one of opacity.
    scale, offset
        Value = number * scale + offset, as GDAL keeps it of the first band.
    masked
        Whether its validity lies in a band of its own: an internal or external mask, or opacity.
    points
        Whether ground control points place it.
    simulated
        Whether it says that its data was simulated.
    data_type
        Of its first band, as NumPy calls it.
    nodata
        Value of its first band that means nodata, None where it has none.
    kinds, nodatas
        The same of every band, one of opacity included; NaN where it has no such value.
    tiles
        Where its tiles lie; None: only GDAL knows how to read them.
    years
        Of an array with an axis of time, in its order: it has all bands of the first year before
        those of the next.
    """

    crs: str | None
    transform: tuple[float, float, float, float, float, float]
    shape: tuple[int, int]
    bands: tuple[str, ...] = ("",)
    scale: float = 1.0
    offset: float = 0.0
    masked: bool = False
    points: bool = False
    simulated: bool = False
    data_type: str = ""
    nodata: float | None = None
    kinds: tuple[str, ...] = ()
    nodatas: tuple[float, ...] = ()
    tiles: TiffTiles | None = field(default=None, compare=False, repr=False)
    years: tuple[int, ...] = ()

    def grid(self, where: str) -> NativeGrid:
        """Give the grid.

        Raises
        ------
        ItemError
            It has none, or one that is rotated.
        """
        if self.points:
            raise ItemError(
                f"{where} lies on ground control points and on no grid, as a Sentinel-1 GRD does; "
                "take a terrain-corrected collection, such as sentinel-1-rtc, or, where it was "
                "calibrated, warp it onto a grid (gdalwarp -tps)"
            )
        if self.crs is None:
            raise ItemError(f"{where} has no CRS; save it with one (gdal_edit.py -a_srs)")
        return checked_grid(self.crs, self.transform, self.shape, where)


def read_header(
    path: str, href: str, where: str, s3: S3Access = AMAZON, *, own: bool = False
) -> Header:
    """Read a raster's own header.

    Parameters
    ----------
    path
        What GDAL opens.
    href, where
        Link, and item and asset, as messages name them.
    s3
        How buckets are reached.
    own
        The survey itself names the file, which may then be of any format that GDAL reads.

    Raises
    ------
    DataError
        The file cannot be opened, or is no image of `gdal.FORMATS`.
    ItemError
        A block of it, which is decoded whole, is larger than `LARGEST_BLOCK`.
    TryAgainError
        Its server does not answer.
    """
    if is_zarr(path):
        try:
            return _header_of_array(open_image(path, where, s3))
        except READING_ERRORS as error:
            raise reading_error(error, href, where) from error
    beginning, tiles = (b"", None) if own else _beginning(path, s3)
    try:
        with warnings.catch_warnings(), gdal_env(s3, path):
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # its record may place it
            with _opened(path, beginning if tiles else b"", own) as raster:
                _check_blocks(raster, f"{where}: {redacted(href)}")
                header = _header_of(raster)
    except RasterioIOError as error:
        raise reading_error(error, href, where) from error
    return replace(header, tiles=tiles)


def _beginning(path: str, s3: S3Access) -> tuple[bytes, TiffTiles | None]:
    """First bytes of a file far away, and the tiles of any: one request for all of its header."""
    read = bytes_of(path, s3)
    if read is None:
        return b"", None
    try:
        first = read(0, BEGINNING)
        if not is_far(path):
            return b"", tiff_tiles(partial(_read_on, first, read))
        return first, tiff_tiles(partial(_read_on, first, _ended))
    except (BaseError, OSError):  # GDAL says what is wrong with it
        return b"", None


def _read_on(first: bytes, read: Read, start: int, stop: int) -> bytes:
    """Give bytes out of the first of a file, or by reading on."""
    return first[start:stop] if stop <= len(first) else read(start, stop)


def _ended(start: int, stop: int) -> bytes:
    raise EOFError(f"bytes {start} to {stop} lie beyond the first")


@contextmanager
def _opened(path: str, beginning: bytes, own: bool) -> Iterator[DatasetReader]:
    """Open a raster, or of one far away the first bytes, where they hold all of its header."""
    if not beginning:
        with open_raster(path, own=own) as raster:
            yield raster
        return
    with MemoryFile(beginning, ext=".tif") as memory, open_raster(memory.name) as raster:
        yield raster


def _check_blocks(raster: DatasetReader, name: str) -> None:
    """Refuse a file of which a block takes more memory than a worker has to spare."""
    height, width = raster.block_shapes[0]
    size = height * width * np.dtype(raster.dtypes[0]).itemsize
    if size > LARGEST_BLOCK:
        raise ItemError(
            f"{name} is stored in blocks of {height} x {width} pixels, {size >> 20} MiB each; "
            "write it anew in tiles (gdal_translate -of COG)"
        )


def _header_of(raster: DatasetReader) -> Header:
    opaque = [kind == ColorInterp.alpha for kind in raster.colorinterp]
    called = [text or "" for text in raster.descriptions]
    affine = raster.transform
    return Header(
        crs=None if raster.crs is None else raster.crs.to_wkt(),
        transform=(affine.a, affine.b, affine.c, affine.d, affine.e, affine.f),
        shape=raster.shape,
        bands=tuple(text for text, no in zip(called, opaque, strict=True) if not no),
        scale=raster.scales[0] or 1.0,
        offset=raster.offsets[0],
        masked=any(opaque) or MaskFlags.per_dataset in raster.mask_flag_enums[0],
        points=raster.crs is None and bool(raster.gcps[0]),
        simulated=is_tagged(raster.tags()),
        data_type=raster.dtypes[0],
        nodata=raster.nodata,
        kinds=tuple(raster.dtypes),
        nodatas=tuple(np.nan if n is None else float(n) for n in raster.nodatavals),
    )


def _header_of_array(image: ZarrImage) -> Header:
    """Header of an array, with what EOPF and the projection extension write into its attributes."""
    said, (height, width) = image.attributes, image.array.shape[-2:]
    crs = said.get("proj:code", said.get("proj:epsg", said.get("proj:wkt2")))
    affine = said.get("proj:transform", said.get("spatial:transform", ()))
    place: tuple[float, ...] = tuple(map(float, affine))[:6]
    known = crs is not None and len(place) == 6
    return Header(
        crs=_crs_text(crs) if known else None,
        transform=place if known else (1.0, 0.0, 0.0, 0.0, 1.0, 0.0),  # type: ignore[arg-type]
        shape=(height, width),
        bands=("",) * math.prod(image.leading),
        years=image.years(),
        scale=float(said.get("scale_factor", 1.0)),
        offset=float(said.get("add_offset", 0.0)),
        data_type=image.array.dtype.name,
        nodata=None if np.isnan(image.nodata) else image.nodata,
    )


def _crs_text(crs: object) -> str:
    return f"EPSG:{crs}" if isinstance(crs, int) else str(crs)


def confirmed(asset: Asset, header: Header, where: str) -> Asset:
    """Hold a record against the file: its grid, number of bands and kind of mask.

    Parameters
    ----------
    asset
        As its item records it.
    header
        Of its file.
    where
        Names item and asset.

    Returns
    -------
    The asset as it is read; the same where the record fits.

    Raises
    ------
    ItemError
        The file has several bands, none of which is named, or none on a grid.
    """
    name = f"{where}: {redacted(asset.href)}"
    changes: dict[str, object] = {}
    band = _band(asset, header, name)
    if band != asset.band:
        changes["band"] = band
    if header.masked != asset.masked:
        changes["masked"] = header.masked
    if header.points or not _fits(asset, header):
        grid = header.grid(name)
        changes |= {"crs": grid.crs, "transform": grid.as_stored, "shape": grid.shape}
        changes["note"] = BY_HEADER
    return asset.replace(**changes) if changes else asset


def _band(asset: Asset, header: Header, name: str) -> int | None:
    """Find the number of the band that is meant, None where the file has no other."""
    count = len(header.bands)
    if asset.band is None and count == 1:
        return None
    if isinstance(asset.band, int) and 1 <= asset.band <= count:
        return asset.band
    if isinstance(asset.band, str) and header.bands.count(asset.band) == 1:
        return header.bands.index(asset.band) + 1
    called = ", ".join(f"{n} {text or '-'}" for n, text in enumerate(header.bands, start=1))
    wanted = "nothing says which is meant" if asset.band is None else f"none is {asset.band}"
    raise ItemError(
        f"{name} has {count} bands ({called}), and {wanted}; name the band by its number, as in "
        "`sources.sentinel2.assets: {B02: image#1}`, or give each band a file of its own"
    )


def _fits(asset: Asset, header: Header) -> bool:
    """Tell whether a record places the corners of a file where its header does."""
    if asset.shape != header.shape:
        return False
    if header.crs is None:  # it says nothing of its place
        return True
    height, width = header.shape
    columns, rows = np.array([0.0, width, 0.0, width]), np.array([0.0, 0.0, height, height])
    a, b, c, d, e, f = header.transform
    x, y = a * columns + b * rows + c, d * columns + e * rows + f
    x, y = transformer_between(header.crs, asset.crs).transform(x, y)
    back = ~Affine(*asset.transform)
    off_columns = back.a * x + back.b * y + back.c - columns
    off_rows = back.d * x + back.e * y + back.f - rows
    off = np.abs(np.concatenate([off_columns, off_rows]))
    return bool((off < SAME_PLACE).all())  # never where a corner has no place in the record's CRS
