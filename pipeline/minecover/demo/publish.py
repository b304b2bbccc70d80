"""A static STAC catalog of the simulated scenes, in the form in which providers publish real ones.

Names of collections, assets and properties, units, nodata and offsets follow Planetary Computer's
``sentinel-2-l2a``, ``sentinel-1-rtc`` and ``nasadem``; Luojia-1 01 has no public catalog. Every
item, collection and image is marked as simulated (see `minecover.simulated`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pystac
from shapely import Polygon, box, union_all

from minecover.demo.frame import ImageGrid
from minecover.demo.raster import write_cog
from minecover.simulated import PROPERTY

__all__ = ["COLLECTIONS", "Asset", "Shot", "write_catalog", "write_item"]

PROJECTION = "https://stac-extensions.github.io/projection/v2.0.0/schema.json"
FILE = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
EO = "https://stac-extensions.github.io/eo/v1.1.0/schema.json"

#: Title of each collection.
COLLECTIONS: dict[str, str] = {
    "sentinel-2-l2a": "Simulated Sentinel-2 Level-2A: surface reflectance x 10,000 and SCL",
    "sentinel-1-rtc": "Simulated Sentinel-1 gamma nought, terrain corrected, linear power",
    "nasadem": "Simulated elevation model of one arc second, m",
    "luojia-1": "Simulated Luojia-1 01 night lights: radiance = DN^1.5 x 1e-10 W m-2 sr-1 um-1",
}


@dataclass(frozen=True)
class Asset:
    """One image of an item."""

    array: npt.NDArray[Any]
    grid: ImageGrid
    nodata: float
    overviews: str = "average"


@dataclass
class Shot:
    """One STAC item before it is written.

    Attributes
    ----------
    collection, id
        Identifiers of the item.
    time
        Moment of the overpass.
    properties
        Further STAC properties.
    assets
        Images by asset name.
    """

    collection: str
    id: str
    time: datetime
    properties: dict[str, Any]
    assets: dict[str, Asset] = field(default_factory=dict)


def write_item(folder: Path, shot: Shot) -> pystac.Item:
    """Write the images of an item and describe them.

    Parameters
    ----------
    folder
        Folder of the catalog.
    shot
        The item, with its images.

    Returns
    -------
    pystac.Item
        Not yet saved; its assets' paths are absolute.
    """
    place = folder / shot.collection / shot.id
    outline = union_all([asset.grid.footprint() for asset in shot.assets.values()])
    first = next(iter(shot.assets.values())).grid
    item = pystac.Item(
        id=shot.id,
        geometry=_geometry(outline),
        bbox=[float(x) for x in outline.bounds],
        datetime=shot.time,
        properties={**shot.properties, "proj:code": first.crs, PROPERTY: True},
        stac_extensions=[PROJECTION, FILE, *([EO] if "eo:cloud_cover" in shot.properties else [])],
    )
    for name, asset in shot.assets.items():
        path = place / f"{name}.tif"
        write_cog(path, asset.array, asset.grid, nodata=asset.nodata, overviews=asset.overviews)
        item.add_asset(name, _describe(path, asset))
    return item


def _geometry(outline: Polygon) -> dict[str, Any]:
    ring = [[float(x), float(y)] for x, y in outline.exterior.coords]
    return {"type": "Polygon", "coordinates": [ring]}


def _describe(path: Path, asset: Asset) -> pystac.Asset:
    transform = asset.grid.transform
    fields: dict[str, Any] = {
        "proj:shape": list(asset.grid.shape),
        "proj:transform": list(transform)[:6],
        "proj:bbox": list(asset.grid.bounds),
        "data_type": asset.array.dtype.name,
        "nodata": asset.nodata,
        "file:checksum": f"1220{hashlib.sha256(path.read_bytes()).hexdigest()}",
    }
    if asset.grid.crs != "EPSG:4326":
        fields["gsd"] = transform.a
    return pystac.Asset(
        str(path), media_type=pystac.MediaType.COG, roles=["data"], extra_fields=fields
    )


def write_catalog(folder: Path, items: dict[str, list[pystac.Item]]) -> Path:
    """Save the items under a catalog with relative links.

    Parameters
    ----------
    folder
        Folder of the catalog, which already contains the images.
    items
        By collection.

    Returns
    -------
    pathlib.Path
        ``catalog.json``.
    """
    catalog = pystac.Catalog("simulated-district", "A simulated open-pit mining district")
    for name, members in items.items():
        collection = pystac.Collection(
            name, f"{COLLECTIONS[name]}.", _extent(members), title=COLLECTIONS[name],
            license="Apache-2.0", keywords=["simulated"],
            summaries=pystac.Summaries({PROPERTY: [True]}),
        )  # fmt: skip
        collection.add_items(members)
        catalog.add_child(collection)
    catalog.normalize_hrefs(str(folder))
    catalog.make_all_asset_hrefs_relative()
    catalog.save(pystac.CatalogType.SELF_CONTAINED)
    return folder / "catalog.json"


def _extent(items: list[pystac.Item]) -> pystac.Extent:
    bounds = union_all([box(*item.bbox) for item in items if item.bbox]).bounds
    times = [item.datetime or datetime(1970, 1, 1, tzinfo=UTC) for item in items]
    return pystac.Extent(
        pystac.SpatialExtent([[float(x) for x in np.asarray(bounds)]]),
        pystac.TemporalExtent([[min(times), max(times)]]),
    )
