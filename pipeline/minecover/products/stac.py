"""The published map as one STAC item, so that any STAC client finds and reads it.

STAC 1.1.0 with the extensions projection 2.0.0, raster 2.0.0, classification 2.0.0 and
file 2.1.0. The item is written as the specification spells it, without a library in between, and
depends only on the survey and the products: no clock, no path of the machine.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyproj
import shapely

from minecover.geography.grid import Grid
from minecover.samples.classes import LandUseClass
from minecover.survey import Survey

__all__ = ["FileRecord", "file_record", "stac_item", "survey_days"]

Json = Any

EXTENSIONS = (
    "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "https://stac-extensions.github.io/raster/v2.0.0/schema.json",
    "https://stac-extensions.github.io/classification/v2.0.0/schema.json",
    "https://stac-extensions.github.io/file/v2.1.0/schema.json",
)

COG = "image/tiff; application=geotiff; profile=cloud-optimized"

SEGMENT = 1000.0
"""The area's outline gets a vertex at least every so many metres before it is unprojected."""

_ASSETS: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "landuse": ("landuse.tif", "Land use", COG, ("data",)),
    "probability": ("probability.tif", "Probability of each class", COG, ("data",)),
    "entropy": ("entropy.tif", "Entropy of the class probabilities", COG, ("data", "uncertainty")),
    "applicability": (
        "applicability.tif",
        "Dissimilarity to the training samples",
        COG,
        ("data", "uncertainty"),
    ),
    "mines": ("mines.gpkg", "Mines", "application/geopackage+sqlite3", ("data",)),
    "accuracy": ("accuracy.json", "Accuracy", "application/json", ("metadata",)),
    "legend": ("landuse.tif.aux.xml", "Legend for GDAL", "application/xml", ("metadata",)),
    "style": ("landuse.qml", "Style for QGIS", "application/xml", ("metadata",)),
    "report": ("report.html", "Report", "text/html", ("overview",)),
}


@dataclass(frozen=True)
class FileRecord:
    """Size in bytes and SHA-256 of a product."""

    size: int
    sha256: str

    def fields(self) -> dict[str, Json]:
        """Fields of the file extension; the checksum is a multihash (0x12 sha2-256, 32 bytes)."""
        return {"file:size": self.size, "file:checksum": f"1220{self.sha256}"}


def file_record(path: Path) -> FileRecord:
    """Measure a file without holding it in memory."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256")
    return FileRecord(path.stat().st_size, digest.hexdigest())


def survey_days(survey: Survey) -> tuple[str, str]:
    """First and last day of the survey's seasons, YYYY-MM-DD."""
    ranges = [part for parts in survey.seasons.values() for part in parts]
    return min(part.split("/")[0] for part in ranges), max(part.split("/")[1] for part in ranges)


def stac_item(
    survey: Survey,
    grid: Grid,
    files: Mapping[str, FileRecord | None],
    derived_from: Sequence[str] = (),
    *,
    simulated: bool = False,
) -> dict[str, Json]:
    """Describe the products as a STAC item.

    Parameters
    ----------
    survey
        Gives identifier, seasons and classes.
    grid
        Gives footprint and projection.
    files
        Products that exist, by file name; None for one whose bytes differ from run to run (the
        report, which gives the run's seconds) and that therefore has no checksum.
    derived_from
        Addresses of the items that the map was made from.
    simulated
        Whether the input was simulated; the item says so.
    """
    start, end = survey_days(survey)
    footprint = _footprint(grid)
    kind = "Simulated land-use map" if simulated else "Land-use map"
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": list(EXTENSIONS),
        "id": survey.name,
        "geometry": _rounded(shapely.geometry.mapping(footprint)),
        "bbox": [round(float(value), 7) for value in footprint.bounds],
        "properties": {
            "title": f"{kind}: {survey.name}",
            "description": f"{kind} of an open-pit mining area in {len(survey.classes)} classes, "
            f"from {', '.join(survey.sources)} in {len(survey.seasons)} seasons.",
            "datetime": None,
            "start_datetime": f"{start}T00:00:00Z",
            "end_datetime": f"{end}T23:59:59Z",
            "gsd": grid.resolution,
            **_projection(grid),
        },
        "assets": {
            key: _asset(key, survey.classes, grid, files[spec[0]])
            for key, spec in _ASSETS.items()
            if spec[0] in files
        },
        "links": [
            {"rel": "derived_from", "href": href, "type": "application/geo+json"}
            for href in derived_from
        ],
    }


def _asset(
    key: str, classes: Sequence[LandUseClass], grid: Grid, record: FileRecord | None
) -> dict[str, Json]:
    name, title, media, roles = _ASSETS[key]
    asset: dict[str, Json] = {
        "href": f"./{name}",
        "title": title,
        "type": media,
        "roles": list(roles),
    }
    if media == COG:
        asset |= {"raster:spatial_resolution": grid.resolution, "raster:sampling": "area"}
    if key == "landuse":
        asset |= {"data_type": "uint8", "nodata": 0}
        asset["classification:classes"] = _classes(classes)
    if key == "probability":
        asset |= {"data_type": "float32", "nodata": "nan"}
        asset["bands"] = [{"name": item.name} for item in classes]
    if key == "entropy":
        asset |= {"data_type": "float32", "nodata": "nan", "unit": "bit"}
        asset["description"] = f"Shannon entropy, 0 to {np.log2(len(classes)):.3f} bits"
    if key == "applicability":
        asset |= {"data_type": "float32", "nodata": "nan"}
        asset["description"] = (
            "Dissimilarity index (10.1111/2041-210X.13650); values above the file's tag "
            "`threshold` are outside the area of applicability"
        )
    return asset | (record.fields() if record is not None else {})


def _classes(classes: Sequence[LandUseClass]) -> list[dict[str, Json]]:
    nodata = {"value": 0, "name": "nodata", "description": "no data", "nodata": True}
    return [
        nodata,
        *(
            {
                "value": item.code,
                "name": _machine_name(item),
                "description": item.name,
                "color_hint": item.colour[1:].upper(),
            }
            for item in classes
        ),
    ]


def _machine_name(item: LandUseClass) -> str:
    """Give the name as the classification extension allows it: ASCII letters, digits, - and _."""
    return item.name if re.fullmatch(r"[0-9A-Za-z_-]+", item.name) else f"class-{item.code}"


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
    dense = shapely.segmentize(grid.area, SEGMENT)
    degrees = gpd.GeoSeries([dense], crs=grid.crs).to_crs("EPSG:4326").iloc[0]
    return shapely.orient_polygons(degrees)


def _rounded(geometry: dict[str, Json]) -> dict[str, Json]:
    def rounded(value: Json) -> Json:
        if isinstance(value, list | tuple):
            return [rounded(part) for part in value]
        return round(float(value), 7)

    return {**geometry, "coordinates": rounded(geometry["coordinates"])}
