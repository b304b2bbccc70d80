"""Answers to questions of a page: what a function makes of a query, as JSON or plain bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from minecover.errors import MinecoverError, SurveyError
from minecover.storage.canonical_json import Json
from minecover.viewing.raster_tiles import RasterTiles

__all__ = ["answering", "respond", "tile_bytes", "whole_number"]

Answer = Callable[[Mapping[str, str]], Json | bytes]


async def respond(make: Callable[[], Response]) -> Response:
    """Make a response on a thread; what is refused is a bad request."""
    try:
        return await run_in_threadpool(make)
    except SurveyError as error:
        return PlainTextResponse(str(error), 400)
    except MinecoverError as error:
        return PlainTextResponse(str(error), 500)


def answering(answer: Answer) -> Callable[[Request], Any]:
    """Serve what a function makes of a query."""

    async def serve(request: Request) -> Response:
        return await respond(lambda: _response(answer(request.query_params)))

    return serve


def _response(made: Json | bytes) -> Response:
    headers = {"cache-control": "no-cache"}
    if isinstance(made, bytes):
        return Response(made, 200, headers, "application/octet-stream")
    return JSONResponse(made, 200, headers)


def tile_bytes(tiles: RasterTiles, query: Mapping[str, str]) -> bytes:
    """Read a tile that a query names, as float32 from the least byte on."""
    names = query.get("layers", "").split(",")
    step, column, row = (whole_number(query, name) for name in ("step", "column", "row"))
    raster, period = query.get("raster", ""), query.get("period", "")
    values = tiles.tile(raster, names, step, (column, row), period)
    return values.astype("<f4", copy=False).tobytes()


def whole_number(query: Mapping[str, str], name: str) -> int:
    """Read a whole number of a query.

    Raises
    ------
    SurveyError
        There is none of that name.
    """
    try:
        return int(query[name])
    except (KeyError, ValueError):
        raise SurveyError(f"{name}: give a whole number") from None
