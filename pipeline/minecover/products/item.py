"""The published map as one STAC item, so that any STAC client finds and reads it.

STAC 1.1.0 with the extensions projection 2.0.0, file 2.1.0, those of the files' own fields and
those of the Zarr stores that the map was made from. The item is written as the specification spells
it, without a library in between, and depends only on the survey, the products and the stores: no
clock, no path of the machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import geopandas as gpd
import pyproj
import shapely

from minecover.geography.boundary import WGS84, degree_bounds, in_crs
from minecover.geography.grid import Grid
from minecover.products.product import File, Product, Publication
from minecover.products.zarr_assets import EXTENSIONS, zarr_asset, zarr_link
from minecover.simulated import PROPERTY
from minecover.storage.canonical_json import Json, canonical_json

__all__ = ["ITEM"]

FILE = File("item.json", "STAC item", "application/geo+json", key=None)

PROJECTION = "https://stac-extensions.github.io/projection/v2.0.0/schema.json"
FILE_INFO = "https://stac-extensions.github.io/file/v2.1.0/schema.json"

SEGMENT = 1000.0
"""The area's outline gets a vertex at least every so many metres before it is unprojected."""


class Item(Product[None]):
    """The item, which describes all other products."""

    name = "item"
    last = True

    def files(self, publication: Publication) -> tuple[File, ...]:
        """List the item."""
        del publication
        return (FILE,)

    def write(self, publication: Publication, paths: Mapping[str, Path]) -> None:
        """Describe every file that is written; the last product of a publication."""
        paths[FILE.name].write_bytes(canonical_json(_item(publication)))


ITEM = Item()


def _item(publication: Publication) -> dict[str, Json]:
    footprint = _footprint(publication.grid)
    written = [file for file in publication.files if file.key and file.name in publication.paths]
    rasters = publication.rasters
    extensions = [PROJECTION, *(name for file in written for name in file.extensions), FILE_INFO]
    extensions += EXTENSIONS if rasters else ()
    assets = {file.key: _asset(file, publication.paths[file.name]) for file in written}
    stores = {raster.name: zarr_asset(raster, publication.grid) for raster in rasters}
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": list(dict.fromkeys(extensions)),
        "id": publication.name,
        "geometry": _rounded(shapely.geometry.mapping(footprint)),
        "bbox": [round(value, 7) for value in degree_bounds(footprint)],
        "properties": _properties(publication),
        "assets": assets | stores,
        "links": [*_sources(publication), *map(zarr_link, rasters)],
    }


def _sources(publication: Publication) -> list[dict[str, Json]]:
    return [
        {"rel": "derived_from", "href": href, "type": "application/geo+json"}
        for href in publication.derived_from
    ]


def _properties(publication: Publication) -> dict[str, Json]:
    start, end = publication.days
    kind = "Simulated land-use map" if publication.simulated else "Land-use map"
    sources = ", ".join(source.label for source in publication.sources)
    seasons = len(publication.seasons)
    properties: dict[str, Json] = {
        "title": f"{kind}: {publication.title or publication.name}",
        "description": f"{kind} of an open-pit mining area in {len(publication.classes)} classes, "
        f"from {sources} in {seasons} season{'s' if seasons > 1 else ''}.",
        "datetime": None,
        "start_datetime": f"{start}T00:00:00Z",
        "end_datetime": f"{end}T23:59:59Z",
        "gsd": publication.grid.resolution,
        **_projection(publication.grid),
    }
    if publication.author:
        properties["providers"] = [{"name": publication.author, "roles": ["producer"]}]
    if publication.simulated:
        properties |= {PROPERTY: True, f"{PROPERTY}_sources": list(publication.simulated)}
    return properties


def _asset(file: File, path: Path) -> dict[str, Json]:
    asset: dict[str, Json] = {
        "href": f"./{file.name}",
        "title": file.title,
        "type": file.media_type,
        "roles": list(file.roles),
        **file.fields,
    }
    return asset | (_size_and_checksum(path) if file.reproducible else {})


def _size_and_checksum(path: Path) -> dict[str, Json]:
    """Fields of the file extension; the checksum is a multihash (0x12 sha2-256, 32 bytes)."""
    with path.open("rb") as stream:  # never whole in memory
        digest = hashlib.file_digest(stream, "sha256")
    return {"file:size": path.stat().st_size, "file:checksum": f"1220{digest.hexdigest()}"}


def _projection(grid: Grid) -> dict[str, Json]:
    crs = pyproj.CRS(grid.crs)
    authority = crs.to_authority()
    fields: dict[str, Json] = {"proj:code": ":".join(authority) if authority else None}
    if authority is None:
        fields["proj:wkt2"] = crs.to_wkt()
    affine = grid.geobox.affine
    return fields | {
        "proj:shape": list(grid.shape),
        "proj:transform": [affine.a, affine.b, affine.c, affine.d, affine.e, affine.f],
        "proj:bbox": [float(value) for value in grid.geobox.boundingbox],
    }


def _footprint(grid: Grid) -> shapely.Geometry:
    """Area in longitude and latitude, rings as RFC 7946 wants them (exterior anticlockwise)."""
    dense = gpd.GeoSeries([shapely.segmentize(grid.area, SEGMENT)], crs=grid.crs)
    return shapely.orient_polygons(in_crs(dense, WGS84))


def _rounded(geometry: dict[str, Json]) -> dict[str, Json]:
    def rounded(value: Json) -> Json:
        if isinstance(value, list | tuple):
            return [rounded(part) for part in value]
        return round(float(value), 7)

    return {**geometry, "coordinates": rounded(geometry["coordinates"])}
