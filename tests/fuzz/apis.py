"""A STAC API of which one answer is spoiled: landing page, collections, or a page of a search."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from fuzz.catalogs import StaticCatalog
from minecover.sources import answers
from minecover.sources.freeze import freeze
from minecover.sources.registry import sources_of

__all__ = ["ApiCatalog"]

Json = Any


class Handler(SimpleHTTPRequestHandler):
    """Answers by its `documents`, by the last part of the path; else with files of a folder."""

    documents: dict[str, bytes]
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a body follows its header at once, not 40 ms later

    def log_message(self, *_: object) -> None:
        """Tell nothing."""

    def _send(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        name = self.path.partition("?")[0].strip("/") or "landing"
        if name in self.documents:
            self._send(self.documents[name])
        else:
            super().do_GET()

    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        query = json.loads(self.rfile.read(length))
        collections = query.get("collections") or ["none"]
        self._send(self.documents.get(f"page {collections[0]}", b'{"features": [], "links": []}'))


class ApiCatalog:
    """The items of a static catalog behind an API on loopback."""

    def __init__(self, catalog: StaticCatalog, address: str) -> None:
        self.address = address
        self.survey = catalog.survey.replace(catalog={"url": address})
        self.grid = catalog.grid
        self.documents: dict[str, Json] = {
            "landing": self._landing(),
            "collections": {"collections": [], "links": []},
        }
        for name, document in catalog.documents.items():
            if document["type"] == "Collection":
                self.documents["collections"]["collections"].append({**document, "links": []})
            if document["type"] == "Feature":
                place = f"{address}{name.rpartition('/')[0]}/"
                assets = {
                    key: {**asset, "href": place + asset["href"].removeprefix("./")}
                    for key, asset in document["assets"].items()
                }
                item = {**document, "assets": assets}
                page = {"type": "FeatureCollection", "features": [item], "links": []}
                self.documents[f"page {document['collection']}"] = page

    def _landing(self) -> Json:
        search = {"rel": "search", "href": f"{self.address}search", "method": "POST"}
        return {
            "type": "Catalog",
            "id": "api",
            "stac_version": "1.0.0",
            "description": "an API",
            "links": [
                {"rel": "self", "href": self.address},
                {"rel": "root", "href": self.address},
                {"rel": "data", "href": f"{self.address}collections"},
                {**search, "type": "application/geo+json"},
            ],
        }

    @classmethod
    @contextmanager
    def served(cls, catalog: StaticCatalog) -> Iterator[ApiCatalog]:
        """Serve it while the block lasts."""
        handler = type("OfOneCatalog", (Handler,), {"documents": {}})
        folder = str(catalog.folder)
        with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=folder)) as server:
            made = cls(catalog, f"http://127.0.0.1:{server.server_port}/")
            made._answers = handler.documents  # type: ignore[attr-defined]
            threading.Thread(target=server.serve_forever, daemon=True).start()
            tries, answers.retries = answers.retries, lambda: 0  # type: ignore[assignment]
            try:
                yield made
            finally:
                answers.retries = tries
                server.shutdown()

    def look_up(self, name: str, data: bytes) -> None:
        """Freeze what the API says, with one of its answers replaced."""
        self._answers.update(
            {key: json.dumps(value).encode() for key, value in self.documents.items()}
        )
        self._answers[name] = data
        survey = self.survey
        freeze(sources_of(survey.sources), survey.catalog, survey.seasons, self.grid)
