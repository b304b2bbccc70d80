"""The Zarr stores of a survey as assets of the STAC item.

After the best practices for Zarr in STAC (https://github.com/radiantearth/stac-best-practices):
one asset a group, the media type with the version of Zarr, dimensions and variables by the
extension datacube 2.2.0, how it is opened by the extension zarr 1.1.0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import zarr

from minecover.geography.grid import Grid
from minecover.storage.canonical_json import Json
from minecover.storage.layers import LAYERS, Layers
from minecover.storage.names import CUBE_RASTER, FEATURES_RASTER, MAP_RASTER

__all__ = ["EXTENSIONS", "zarr_asset", "zarr_link"]

EXTENSIONS = (
    "https://stac-extensions.github.io/datacube/v2.2.0/schema.json",
    "https://stac-extensions.github.io/zarr/v1.1.0/schema.json",
)

MEDIA_TYPE = "application/vnd.zarr; version=3"

TITLES = {
    CUBE_RASTER: "Seasonal composites",
    FEATURES_RASTER: "Features",
    MAP_RASTER: "Classes, probabilities and uncertainty as they were predicted",
}


def zarr_asset(raster: Layers, grid: Grid) -> dict[str, Json]:
    """Describe a raster of the store, beside whose products the item lies."""
    arrays = [raster.group[name] for name, _ in raster.attributes[LAYERS]]
    return {
        **_place(raster),
        "roles": ["data"],
        "data_type": "float32",
        "nodata": "nan",
        "zarr:node_type": "group",
        "zarr:zarr_format": 3,
        "zarr:consolidated": raster.group.metadata.consolidated_metadata is not None,
        "cube:dimensions": {
            dimension: _dimension(raster.group, dimension, grid)
            for dimension in dict.fromkeys(name for array in arrays for name in _names(array))
        },
        "cube:variables": {array.basename: _variable(array) for array in arrays},
    }


def zarr_link(raster: Layers) -> dict[str, Json]:
    """Lead to a raster as a whole."""
    return {"rel": "store", **_place(raster)}


def _place(raster: Layers) -> dict[str, Json]:
    title = TITLES.get(raster.name, raster.name)
    return {"href": f"../{raster.name}", "title": title, "type": MEDIA_TYPE}


def _names(array: Any) -> tuple[str, ...]:  # noqa: ANN401
    return tuple(array.metadata.dimension_names)


def _variable(array: Any) -> dict[str, Json]:  # noqa: ANN401
    attributes = array.attrs.asdict()
    fields = {"description": attributes.get("long_name"), "unit": attributes.get("units")}
    known = {key: value for key, value in fields.items() if value}
    return {"dimensions": list(_names(array)), "type": "data", **known}


def _dimension(group: zarr.Group, name: str, grid: Grid) -> dict[str, Json]:
    values = np.asarray(group[name][:])  # type: ignore[index]
    if name not in ("x", "y"):
        kind = "bands" if name == "band" else name
        return {"type": kind, "values": [str(value) for value in values]}
    epsg = grid.geobox.crs.epsg
    return {
        "type": "spatial",
        "axis": name,
        "extent": [float(values.min()), float(values.max())],
        "step": grid.resolution,
        "reference_system": epsg or grid.crs,
    }
