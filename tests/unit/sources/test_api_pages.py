"""APIs as they are: pages too large for a gateway, links without end, slow and broken answers."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from minecover.errors import DataError, SurveyError, TryAgainError
from minecover.sources import answers, web
from minecover.sources.catalog import open_catalog
from minecover.sources.documents import read_json

BBOX = (110.0, 39.0, 112.0, 40.0)
Answer = tuple[int, bytes]


class Api:
    """A STAC API of `count` items whose answers to searches may be changed by `change`."""

    def __init__(self, count: int = 30) -> None:
        self.items = [
            {
                "type": "Feature",
                "id": f"i{n:03d}",
                "bbox": list(BBOX),
                "properties": {"datetime": "2021-06-10T00:00:00Z"},
                "assets": {"B02": {"href": f"a/{n}.tif"}},
                "links": [],
            }
            for n in range(count)
        ]
        self.collections: list[Any] = [{"type": "Collection", "id": "s2", "links": []}]
        self.limits: list[int] = []
        self.change: Callable[[dict[str, Any], int], Answer | None] = lambda page, limit: None
        self.address = ""

    def landing(self) -> dict[str, Any]:
        spec = "https://api.stacspec.org/v1.0.0"
        return {
            "type": "Catalog",
            "id": "api",
            "stac_version": "1.0.0",
            "description": "an API",
            "conformsTo": [f"{spec}/{name}" for name in ("core", "item-search", "collections")],
            "links": [
                {"rel": "self", "href": self.address},
                {"rel": "root", "href": self.address},
                {"rel": "data", "href": f"{self.address}collections"},
                {
                    "rel": "search",
                    "href": f"{self.address}search",
                    "method": "POST",
                    "type": "application/geo+json",
                },
            ],
        }

    def links_of_collection(self) -> list[dict[str, str]]:
        place = f"{self.address}collections/s2"
        return [{"rel": "self", "href": place}, {"rel": "items", "href": f"{place}/items"}]

    def search(self, query: dict[str, Any]) -> Answer:
        limit, start = int(query["limit"]), int(query.get("token", 0))
        self.limits.append(limit)
        page: dict[str, Any] = {"features": self.items[start : start + limit], "links": []}
        if start + limit < len(self.items):
            body = {**query, "token": start + limit}
            page["links"] = [
                {"rel": "next", "href": f"{self.address}search", "method": "POST", "body": body}
            ]
        return self.change(page, limit) or (200, json.dumps(page).encode())


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.setattr(web, "PAGES", (20, 5, 2))
    monkeypatch.setattr(answers, "retries", lambda: 0)
    made = Api()

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            if self.path == "/slow":
                self.send_response(200)
                self.end_headers()
                for _ in range(200):
                    self.wfile.write(b" ")
                    self.wfile.flush()
                    time.sleep(0.02)
                return
            found = {"/": made.landing(), "/collections": {"collections": made.collections}}
            found["/collections/s2"] = {"id": "s2", "links": made.links_of_collection()}
            self._send(200, json.dumps(found[self.path]).encode())

        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            self._send(*made.search(json.loads(self.rfile.read(length))))

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.address = f"http://127.0.0.1:{server.server_address[1]}/"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield made
        server.shutdown()
        thread.join()


def found(api: Api) -> list[str]:
    return [item["id"] for item in open_catalog(api.address).search("s2", BBOX)]


def test_all_pages_are_read_once(api: Api) -> None:
    assert found(api) == [item["id"] for item in api.items]
    assert api.limits == [20, 20]


@pytest.mark.parametrize("status", [413, 500, 502, 504])
def test_a_page_that_a_gateway_refuses_is_asked_for_in_smaller_ones(api: Api, status: int) -> None:
    api.change = lambda page, limit: (status, b"{}") if len(page["features"]) > 5 else None
    assert found(api) == [item["id"] for item in api.items]
    assert api.limits == [20, *[5] * 6]


def test_a_later_page_that_is_refused_brings_no_item_twice(api: Api) -> None:
    def change(page: dict[str, Any], limit: int) -> Answer | None:
        return (502, b"{}") if limit == 20 and page["features"][0]["id"] != "i000" else None

    api.change = change
    assert found(api) == [item["id"] for item in api.items]


def test_a_page_beyond_the_bound_of_bytes_is_asked_for_in_smaller_ones(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "MAX_BYTES", 2000)
    assert found(api) == [item["id"] for item in api.items]


def test_a_server_that_fails_at_any_size_is_worth_another_try(api: Api) -> None:
    api.change = lambda page, limit: (502, b"{}")
    with pytest.raises(TryAgainError, match="does not answer"):
        found(api)
    assert api.limits == [20, 5, 2]


def test_a_refusal_is_no_matter_of_size(api: Api) -> None:
    api.change = lambda page, limit: (400, b'{"description": "bad bbox"}')
    with pytest.raises(SurveyError, match="bad bbox"):
        found(api)
    assert api.limits == [20]


@pytest.mark.parametrize("part", ["collections", "collections/s2"])
def test_a_part_of_an_api_is_no_catalog(api: Api, part: str) -> None:
    with pytest.raises(SurveyError, match=rf"/{part} is a part of a STAC API; give the address of"):
        open_catalog(api.address + part)


@pytest.mark.parametrize("status", [400, 422])
def test_an_api_that_gives_no_more_than_some_is_asked_for_fewer(api: Api, status: int) -> None:
    api.change = lambda page, limit: (status, b'{"loc": ["body", "limit"]}') if limit > 5 else None
    assert found(api) == [item["id"] for item in api.items]
    api.change = lambda page, limit: (status, b'{"description": "no limits here"}')
    with pytest.raises(SurveyError, match=r"refuses the request.*no limits here"):
        found(api)


def with_empty_pages(api: Api, gap: int) -> None:
    """Let the API give `gap` empty pages before each that has items, and link on for ever."""

    def change(page: dict[str, Any], limit: int) -> Answer:
        count = len(api.limits) - 1
        start, full = count // (gap + 1) * limit, count % (gap + 1) == gap
        body = {"limit": limit, "token": count}
        link = {"rel": "next", "href": f"{api.address}search", "method": "POST", "body": body}
        items = api.items[start : start + limit] if full else []
        return 200, json.dumps({"features": items, "links": [link]}).encode()

    api.change = change


def test_empty_pages_end_no_search_that_goes_on(api: Api) -> None:
    with_empty_pages(api, 3)
    assert found(api) == [item["id"] for item in api.items]
    assert len(api.limits) == 2 * 4 + web.EMPTY_PAGES + 1


def test_a_search_that_finds_nothing_gives_nothing(api: Api) -> None:
    api.items.clear()
    assert found(api) == []


def test_links_without_end_are_ended(api: Api) -> None:
    def change(page: dict[str, Any], limit: int) -> Answer:
        body = {"limit": limit, "token": 0}
        link = {"rel": "next", "href": f"{api.address}search", "method": "POST", "body": body}
        return 200, json.dumps({**page, "links": [link]}).encode()

    api.change = change
    with pytest.raises(DataError, match="links have no end"):
        found(api)
    assert len(api.limits) == 2


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'{"features": [null, 3], "links": []}'])
def test_a_broken_answer_is_a_message_or_brings_nothing(api: Api, body: bytes) -> None:
    api.change = lambda page, limit: (200, body)
    with pytest.raises((DataError, SurveyError), match=r"127\.0\.0\.1"):
        found(api)


@pytest.mark.parametrize(
    "neighbour",
    [
        None, 3, {}, {"id": "x", "type": "collection"},
        {"id": "x", "extent": {"temporal": {"interval": "2023"}}},
        {"id": "x", "extent": {"spatial": {"bbox": None}}}, {"id": "x", "links": None},
    ],
)  # fmt: skip
def test_an_invalid_neighbour_is_nobodys_but_its_own(api: Api, neighbour: object) -> None:
    api.collections.insert(0, neighbour)
    assert "s2" in open_catalog(api.address).collections()
    assert len(found(api)) == 30


def test_an_answer_that_comes_byte_by_byte_is_given_up(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "LONGEST", 0.2)
    with pytest.raises(TryAgainError, match="not answered whole"):
        read_json(f"{api.address}slow")
