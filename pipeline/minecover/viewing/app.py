"""The application behind `minecover view`: the published page, and what its store adds to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from minecover.errors import MinecoverError, StoreError, SurveyError
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
        No map page was published there.
    """
    where = f"{store.url}/{PRODUCTS_FOLDER}{DOCUMENT}"
    document = store.read_json(f"{PRODUCTS_FOLDER}{DOCUMENT}", {"grid": dict, "layers": list})
    if document is None or document.get("format") != FORMAT:
        raise StoreError(
            f"{where}: not there, or of another version; publish the map page: "
            "`minecover publish SURVEY --again`"
        )
    tiles = RasterTiles(_rasters(store, features), document["seasons"])
    places = _places(store, tiles, document["grid"])
    shown = {
        **document,
        "periods": list(tiles.periods),
        "layers": [*(_with_tiles(item, tiles) for item in document["layers"]), *tiles.layers],
        "pixels": {key: _with_tiles(item, tiles) for key, item in document["pixels"].items()},
        "samples": "api/samples" if places.points else None,
        "point": "api/point" if {"cube", "features"} & tiles.rasters.keys() else None,
    }
    return Starlette(
        routes=[
            Route("/", lambda request: RedirectResponse("/map/")),
            Route("/map/", partial(_index, PublishedFiles(store))),
            Route(f"/{DOCUMENT}", _answering(lambda query: shown)),
            Route("/map/api/samples", _answering(lambda query: {"points": places.points})),
            Route("/map/api/point", _answering(partial(_point, places))),
            Route("/map/api/tile", _answering(partial(_tile, tiles))),
            Route("/{name:path}", PublishedFiles(store).__call__),
        ],
        middleware=[Middleware(Access, token=token)],
    )


def _rasters(store: Store, features: Raster | None) -> dict[str, Raster]:
    found: dict[str, Raster] = {}
    for name, raster in (("map", MAP_RASTER), ("cube", CUBE_RASTER), ("features", FEATURES_RASTER)):
        if store.read(f"{raster}/zarr.json") is not None:
            found[name] = store.layers(raster)
    return found if features is None else {**found, "features": features}


def _with_tiles(item: dict[str, Json], tiles: RasterTiles) -> dict[str, Json]:
    """Say where a layer of the map has tiles in other periods than that which is published."""
    return {**item, **tiles.tiles_of("map", item["stored"])} if tiles.periods else item


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


Answer = Callable[[Mapping[str, str]], Json | bytes]


def _answering(answer: Answer) -> Callable[[Request], Any]:
    """Serve what a function makes of a query, on a thread; what it refuses is a bad request."""

    async def serve(request: Request) -> Response:
        try:
            made = await run_in_threadpool(answer, request.query_params)
        except SurveyError as error:
            return PlainTextResponse(str(error), 400)
        except MinecoverError as error:
            return PlainTextResponse(str(error), 500)
        headers = {"cache-control": "no-cache"}
        if isinstance(made, bytes):
            return Response(made, 200, headers, "application/octet-stream")
        return JSONResponse(made, 200, headers)

    return serve


def _point(places: Places, query: Mapping[str, str]) -> Json:
    place = _whole(query, "column"), _whole(query, "row")
    return places.describe(*place, query.get("period", ""))


def _tile(tiles: RasterTiles, query: Mapping[str, str]) -> bytes:
    names = query.get("layers", "").split(",")
    step, column, row = (_whole(query, name) for name in ("step", "column", "row"))
    raster, period = query.get("raster", ""), query.get("period", "")
    values = tiles.tile(raster, names, step, (column, row), period)
    return values.astype("<f4", copy=False).tobytes()


def _whole(query: Mapping[str, str], name: str) -> int:
    try:
        return int(query[name])
    except (KeyError, ValueError):
        raise SurveyError(f"{name}: give a whole number") from None
