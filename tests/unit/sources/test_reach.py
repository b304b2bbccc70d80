"""Links of a catalog that nobody vouches for, and what of it is opened."""

from __future__ import annotations

import http.server
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio.shutil
import rasterio.vrt

from _catalogs import BANDS, CatalogWriter, frozen, survey_over
from minecover.errors import DataError, MinecoverError, SurveyError
from minecover.geography.polygon_files import read_polygons
from minecover.geography.settings import AreaSettings
from minecover.sources import documents, reach
from minecover.sources.answers import Web
from minecover.sources.checksum import recorded_checksum
from minecover.sources.documents import Documents
from minecover.sources.header import read_header
from minecover.sources.locate import Locator
from minecover.sources.reach import Reach
from minecover.sources.settings import CatalogSettings
from minecover.sources.web import ApiCatalog
from minecover.storage.location import content_digest

FIELD = np.full((32, 32), 2000, np.uint16)
PUBLIC = Reach(public=True)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://localhost:8000/x", "http://2130706433/", "http://0x7f.1/",
        "http://[::1]/", "http://[::ffff:10.0.0.1]/", "http://10.1.2.3/", "http://192.168.0.9:80/",
        "http://172.16.0.1/", "http://169.254.169.254/latest/meta-data", "http://0.0.0.0/",
        "http://100.64.0.1/", "http://224.0.0.1/", "http://printer.local/", "http:///x", "http://[",
    ],
)  # fmt: skip
def test_a_public_catalog_leads_to_no_address_of_this_machine_or_its_network(url: str) -> None:
    with pytest.raises(DataError, match=r"item x: .*private_hosts"):
        PUBLIC.check(url, "item x")
    Reach(public=False).check(url, "item x")


def test_public_addresses_buckets_and_what_the_survey_allows_are_reached() -> None:
    for url in ("https://8.8.8.8/x", "https://[2606:4700::1111]/", "s3://bucket/x"):
        PUBLIC.check(url, "item x")
    Reach(public=True, allowed=("10.0.0.7",)).check("http://10.0.0.7:8080/x", "item x")


def test_a_name_is_judged_by_where_it_leads(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"inside.example": ("8.8.8.8", "10.0.0.1"), "outside.example": ("8.8.8.8",)}
    monkeypatch.setattr(reach, "_has_proxy", lambda host, url: False)
    monkeypatch.setattr(
        reach, "_addresses", lambda host, *, numeric: () if numeric else known.get(host, ())
    )
    PUBLIC.check("https://outside.example/x", "item x")
    PUBLIC.check("https://nowhere.example/x", "item x")
    with pytest.raises(DataError):
        PUBLIC.check("https://inside.example/x", "item x")
    assert Reach.of("https://outside.example/stac").public
    assert not Reach.of("https://inside.example/stac").public


def test_a_folder_and_a_catalog_of_this_machine_are_not_public() -> None:
    assert not Reach.of("catalogs/catalog.json").public
    assert not Reach.of("http://127.0.0.1:8080/stac").public
    assert Reach.of("https://8.8.8.8/stac").public
    assert Reach.of("s3://bucket/catalog.json").public


@pytest.fixture
def server() -> Iterator[str]:
    """Leads from /on to /end by one redirect, from /round to itself."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Tell nothing."""

        def do_GET(self) -> None:
            target = {"/on": "/end", "/round": "/round"}.get(self.path)
            self.send_response(302 if target else 200)
            if target:
                self.send_header("location", target)
            body = b"{}"
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{made.server_port}"
        made.shutdown()
        thread.join()


class Only(Reach):
    """Stands for a public catalog: reaches one path of the server on loopback."""

    def check(self, url: str, where: str) -> None:
        if not url.endswith("/on"):
            raise DataError(f"{where}: {url} leads to this machine")


def test_a_redirect_is_checked_before_it_is_followed(server: str) -> None:
    assert Web(Reach()).ask(f"{server}/on").data == b"{}"
    for ask in (Web(Only(True)).ask, lambda url: Web(Only(True)).check_redirects(url, "item x")):
        with pytest.raises(DataError, match="/end leads to this machine"):
            ask(f"{server}/on")


def test_an_image_of_a_public_catalog_is_asked_for_its_redirects_once(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    locator = Locator(CatalogSettings(url="https://8.8.8.8/stac"), {})
    vars(locator)["reach"] = Only(True)
    with pytest.raises(DataError, match="/end leads to this machine"):
        locator(f"{server}/on")
    monkeypatch.setattr(Only, "check", lambda *_: None)
    assert locator(f"{server}/on") == f"{server}/on"
    monkeypatch.undo()
    assert locator(f"{server}/on") == f"{server}/on"


def test_redirects_without_end_are_ended(server: str) -> None:
    with pytest.raises(DataError, match="without end"):
        Web(Reach()).ask(f"{server}/round")


def api_of(pages: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> ApiCatalog:
    """API whose answers are given in turn, the last one for ever; no server is asked."""
    made, turn = ApiCatalog("http://127.0.0.1/", Documents()), iter(range(10**9))

    def ask(url: str, *_: object) -> Any:
        from minecover.sources.answers import Answer

        page = pages[min(next(turn), len(pages) - 1)]
        text = json.dumps(page).replace("@n@", str(made.documents.count))
        return Answer(url, 200, "OK", text.encode())

    monkeypatch.setattr(Web, "ask", lambda self, url, *_: ask(url))
    return made


NEXT = {"rel": "next", "href": "http://127.0.0.1/more"}
LANDING = {"links": [{"rel": "data", "href": "c"}, {"rel": "search", "href": "s"}]}


def test_pages_that_always_bring_something_new_end_at_the_bounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(documents, "MAX_DOCUMENTS", 20)
    new = {"features": [{"id": "@n@"}], "collections": [{"id": "@n@"}], "links": [NEXT]}
    with pytest.raises(DataError, match=r"21 documents .*no more than 20 documents"):
        list(api_of([LANDING, new], monkeypatch).search("s2", (0.0, 0.0, 1.0, 1.0)))
    with pytest.raises(DataError, match="no more than 20 documents"):
        api_of([LANDING, new], monkeypatch).collections()


def test_collections_that_come_again_have_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    same = {"collections": [{"id": "s2"}], "links": [NEXT]}
    with pytest.raises(DataError, match="links have no end"):
        api_of([LANDING, same], monkeypatch).collections()


def test_a_look_up_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    api = api_of([LANDING], monkeypatch)
    api.documents.limit = 0.0
    with pytest.raises(DataError, match=r"catalog\.max_seconds: 1 documents"):
        api.collections()


@pytest.mark.parametrize("href", ["/dev/zero", "file:///etc/hosts", "ftp://8.8.8.8/x"])
def test_the_next_page_is_no_file(monkeypatch: pytest.MonkeyPatch, href: str) -> None:
    page = {
        "collections": [{"id": "s2"}],
        "links": [{"rel": "next", "href": href, "method": "PUT"}],
    }
    with pytest.raises(DataError, match="only GET and POST"):
        api_of([LANDING, page], monkeypatch).collections()
    landing = {"links": [{"rel": "data", "href": href}]}
    with pytest.raises(MinecoverError, match=r"127\.0\.0\.1|cannot be requested"):
        ApiCatalog("http://127.0.0.1/", documents_of(landing, monkeypatch)).collections()


def documents_of(landing: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Documents:
    monkeypatch.undo()  # real requests from here on
    made = Documents()
    monkeypatch.setattr(made, "read", lambda place: landing)
    return made


def test_an_item_that_is_linked_twice_counts_once(tmp_path: Path) -> None:
    writer = CatalogWriter(tmp_path)
    writer.sentinel2("a", "2021-06-10T03:00:00Z", FIELD)
    once = frozen(survey_over(writer.write()))
    path = tmp_path / "sentinel-2-l2a" / "collection.json"
    document = json.loads(path.read_text())
    document["links"] += [*document["links"], {"rel": "item", "href": "a/../a/item.json"}]
    path.write_text(json.dumps(document))
    assert frozen(survey_over(tmp_path / "catalog.json", catalog={"max_items": 1})) == once


def test_a_pipe_is_no_image_and_no_document(tmp_path: Path) -> None:
    writer = CatalogWriter(tmp_path)
    writer.sentinel2("a", "2021-06-10T03:00:00Z", FIELD)
    path = writer.write()
    image = tmp_path / "sentinel-2-l2a" / "a" / "B02.tif"
    image.unlink()
    os.mkfifo(image)
    with pytest.raises(DataError, match=r"asset B02: .* is neither a TIFF"):
        frozen(survey_over(path))
    item = tmp_path / "sentinel-2-l2a" / "a" / "item.json"
    item.unlink()
    os.mkfifo(item)
    with pytest.raises(SurveyError, match="no file that can be read whole"):
        frozen(survey_over(path))


def test_a_pipe_is_nothing_that_a_survey_names(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.geojson"
    os.mkfifo(pipe)
    for read in (
        lambda: read_polygons(AreaSettings(path=str(pipe)), "area"),
        lambda: content_digest(str(pipe), "samples.path", "give a file"),
        lambda: recorded_checksum(str(pipe), "sources.terrain.path"),
    ):
        with pytest.raises(SurveyError, match="it is a pipe or a device"):
            read()


def test_a_file_that_names_others_is_no_image(tmp_path: Path) -> None:
    writer = CatalogWriter(tmp_path)
    writer.sentinel2("a", "2021-06-10T03:00:00Z", FIELD)
    image = tmp_path / "sentinel-2-l2a" / "a" / "B02.tif"
    virtual = tmp_path / "b.vrt"
    with rasterio.open(image) as raster, rasterio.vrt.WarpedVRT(raster) as warped:
        rasterio.shutil.copy(warped, virtual, driver="VRT")
    with pytest.raises(DataError, match="item x: cannot read"):
        read_header(str(virtual), str(virtual), "item x")
    assert read_header(str(virtual), str(virtual), "the survey's own", own=True).shape == (32, 32)


def test_an_image_in_blocks_beyond_memory_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from minecover.sources import header

    writer = CatalogWriter(tmp_path)
    writer.sentinel2("a", "2021-06-10T03:00:00Z", FIELD)
    monkeypatch.setattr(header, "LARGEST_BLOCK", 32 * 32)
    with pytest.raises(DataError, match=r"item a, asset B02: .* blocks of \d+ x \d+ pixels"):
        frozen(survey_over(writer.write()))


def test_pixels_too_small_for_any_memory_are_refused_by_name(tmp_path: Path) -> None:
    """32 pixels of 10 m hold 64,000² of 5 mm: ten bands of them take 152.6 GiB."""
    writer = CatalogWriter(tmp_path)
    writer.sentinel2("a", "2021-06-10T03:00:00Z", FIELD, pixels=dict.fromkeys(BANDS, 0.005))
    with pytest.raises(DataError, match=r"item a: its pixels of 0\.005 m .* take 152\.6 GiB"):
        frozen(survey_over(writer.write(), (1, 1)))
