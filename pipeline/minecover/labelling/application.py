"""The application behind `minecover label`: questions, chips, and answers that reach the disk."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from minecover.labelling.answers import Answer, OutdatedError
from minecover.labelling.session import Labelling
from minecover.products.map_page import bundled_files
from minecover.storage.canonical_json import Json
from minecover.viewing.access import Access
from minecover.viewing.answering import answering, respond, tile_bytes

__all__ = ["label_application"]

PAGE = "label.html"

FILES = (PAGE, "label.css", "label.js", "page.css", "LICENSES.txt")

LARGEST = 16_384
"""Bytes of what a page sends."""


Kinds = Mapping[str, tuple[type, ...]]
"""Names in what a page sends, and of what types each may be."""

UNDO: Kinds = {"question": (str,), "seen": (int,)}

ANSWER: Kinds = {**UNDO, "label": (str, type(None)), "doubt": (bool,), "comment": (str,)}


def label_application(work: Labelling, token: str | None = None) -> Starlette:
    """Make the application of a project.

    Parameters
    ----------
    work
        Who labels what.
    token
        That requests must bring; None: only those to this machine's own name are answered.

    Raises
    ------
    StoreError
        The page was not bundled.
    """
    files = bundled_files(FILES)
    posts = {
        "/api/answer": _taking(ANSWER, work.answer),
        "/api/undo": _taking(UNDO, work.undo),
        "/api/result": _taking({}, lambda said: work.write()),
    }
    document = work.document()
    gets: dict[str, Callable[[Mapping[str, str]], Json | bytes]] = {
        "/api/project": lambda query: document,
        "/api/answers": lambda query: work.answers(),
        "/api/agreement": lambda query: work.agreement(),
        "/api/chip": work.chip,
        "/api/tile": lambda query: tile_bytes(work.chips.tiles, query),
    }
    return Starlette(
        routes=[
            Route("/", lambda request: FileResponse(files[PAGE])),
            *(Route(path, answering(answer)) for path, answer in gets.items()),
            *(Route(path, take, methods=["POST"]) for path, take in posts.items()),
            *(Route(f"/{name}", _file(path)) for name, path in files.items()),
        ],
        middleware=[Middleware(Access, token=token, writable=tuple(posts))],
    )


def _file(path: Path) -> Callable[[Request], Response]:
    return lambda request: FileResponse(path, headers={"cache-control": "no-cache"})


def _taking(kinds: Kinds, take: Callable[[Mapping[str, Any]], Any]) -> Callable[[Request], Any]:
    """Serve what a function makes of the JSON that a page sends."""

    def make(said: Mapping[str, Any]) -> Response:
        try:
            made = take(said)
        except OutdatedError as error:
            current = None if error.current is None else asdict(error.current)
            return JSONResponse({"error": str(error), "current": current}, 409)
        return JSONResponse(asdict(made) if isinstance(made, Answer) else made)

    async def serve(request: Request) -> Response:
        said = await _said(request, kinds)
        if said is None:
            return PlainTextResponse(f"Send JSON with {', '.join(kinds) or 'nothing'}.", 400)
        return await respond(lambda: make(said))

    return serve


async def _said(request: Request, kinds: Kinds) -> dict[str, Any] | None:
    """Read what a page sends; None: it is too large, or nothing that a page would send."""
    data = b""
    async for part in request.stream():
        data += part
        if len(data) > LARGEST:
            return None
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or set(said) != set(kinds):
        return None
    fits = all(type(said[name]) in kind for name, kind in kinds.items())
    return said if fits else None
