"""The application behind `minecover view`: the published page, and what its store adds to it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from minecover.errors import StoreError
from minecover.products.map_document import FORMAT
from minecover.products.map_page import DOCUMENT, PAGE
from minecover.samples.sample_set import SampleSet
from minecover.selection.result import Selection
from minecover.storage.canonical_json import Json
from minecover.storage.names import (
    CUBE_RASTER,
    FEATURES_RASTER,
    MAP_RASTER,
    PRODUCTS_FOLDER,
    SAMPLES_FILE,
    SELECTION_FILE,
)
from minecover.storage.raster import Raster
from minecover.storage.store import Store
from minecover.viewing.access import Access
from minecover.viewing.answering import answering, tile_bytes, whole_number
from minecover.viewing.places import Places
from minecover.viewing.published_files import PublishedFiles
from minecover.viewing.raster_tiles import RasterTiles

__all__ = ["view_application"]


def view_application(
    store: Store, token: str | None = None, features: Raster | None = None
) -> Starlette:
    """Make the application of a store in which a map was published.

    Parameters
    ----------
    store
        Of a survey.
    token
        That requests must bring; None: only those to this machine's own name are answered.
    features
        Those that are computed when they are read; None: as they are stored, if they are.

    Raises
    ------
    StoreError
        No map page was published there, or what it reads is damaged.
    """
    document = _document(store)
    tiles = RasterTiles(_rasters(store, features), document["seasons"])
    places = _places(store, tiles, document["grid"])
    added = tiles.layers({item["id"] for item in document["layers"]})
    shown = {
        **document,
        "periods": list(tiles.periods),
        "layers": [*(_with_tiles(item, tiles) for item in document["layers"]), *added],
        "pixels": {key: _with_tiles(item, tiles) for key, item in document["pixels"].items()},
        "samples": "api/samples" if places.points() else None,
        "point": "api/point" if {"cube", "features"} & tiles.rasters.keys() else None,
    }
    return Starlette(
        routes=[
            Route("/", lambda request: RedirectResponse("/map/")),
            Route("/map/", partial(_index, PublishedFiles(store))),
            Route(f"/{DOCUMENT}", answering(lambda query: shown)),
            Route("/map/api/samples", answering(partial(_points, places))),
            Route("/map/api/point", answering(partial(_point, places))),
            Route("/map/api/tile", answering(partial(tile_bytes, tiles))),
            Route("/{name:path}", PublishedFiles(store).__call__),
        ],
        middleware=[Middleware(Access, token=token)],
    )


def _document(store: Store) -> dict[str, Any]:
    """Read what the page reads, and see that it is what is published today."""
    key = f"{PRODUCTS_FOLDER}{DOCUMENT}"
    document: dict[str, Any] | None = store.read_json(key, {})
    if document is None or document.get("format") != FORMAT:
        raise StoreError(
            f"{store.url}/{key}: not there, or of another version; publish the map page: "
            "`minecover publish SURVEY --again`"
        )
    try:
        left, top = document["grid"]["origin"]
        numbers = [float(left), float(top), float(document["grid"]["resolution"])]
        names = [*document["seasons"], *(item["id"] for item in document["layers"])]
        stored = [item.get("stored", []) for item in document["pixels"].values()]
        stored += [item.get("stored", []) for item in document["layers"]]
        names += [name for layers in stored for name in layers]
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise store.damaged(key, "nothing that can be layers of a page") from error
    if not all(map(math.isfinite, numbers)) or not all(isinstance(name, str) for name in names):
        raise store.damaged(key, "nothing that can be layers of a page")
    return document


def _rasters(store: Store, features: Raster | None) -> dict[str, Raster]:
    found: dict[str, Raster] = {}
    for name, raster in (("map", MAP_RASTER), ("cube", CUBE_RASTER), ("features", FEATURES_RASTER)):
        if store.read(f"{raster}/zarr.json") is not None:
            found[name] = store.layers(raster)
    return found if features is None else {**found, "features": features}


def _with_tiles(item: dict[str, Json], tiles: RasterTiles) -> dict[str, Json]:
    """Say where a layer has tiles: of other periods than that which is published, or of near by."""
    raster = item.get("raster", "map")
    if "stored" not in item or raster not in tiles.rasters:
        return item
    if raster == "map" and not tiles.periods:
        return item
    return {**item, **tiles.tiles_of(raster, item["stored"])}


def _places(store: Store, tiles: RasterTiles, grid: Mapping[str, Any]) -> Places:
    samples = SampleSet.read(store) if store.read(SAMPLES_FILE) is not None else None
    data = store.read(SELECTION_FILE)
    selection = None if data is None else Selection.from_json(data.decode())
    ranked = () if selection is None else selection.ordered
    left, top = grid["origin"]
    return Places(tiles, samples, ranked, (left, top), grid["resolution"])


async def _index(files: PublishedFiles, request: Request) -> Response:
    request.path_params["name"] = PAGE
    return await files(request)


def _points(places: Places, query: Mapping[str, str]) -> Json:
    return {"points": places.points(query.get("period", ""))}


def _point(places: Places, query: Mapping[str, str]) -> Json:
    place = whole_number(query, "column"), whole_number(query, "row")
    return places.describe(*place, query.get("period", ""))
