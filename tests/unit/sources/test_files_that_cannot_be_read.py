"""A file that cannot be read is never nodata, whichever reader meets it."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from _catalogs import CatalogWriter, cube_of, frozen, locator_of, survey_over
from minecover.errors import DataError
from minecover.geography.grid import Window
from minecover.sources.native import NativeGrid
from minecover.sources.reader import open_reader

# odc-geo 0.5 still calls a function that shapely 2.2 deprecates
pytestmark = pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")

READERS = ("native", "stackstac", "odc-stac")
BOX = Window(0, 64, 0, 64)


class Server(http.server.SimpleHTTPRequestHandler):
    """Answers `statuses[path]` where a path is there, whatever the file."""

    statuses: ClassVar[dict[str, int]] = {}

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""

    def do_GET(self) -> None:
        status = self.statuses.get(self.path)
        if status is None:
            super().do_GET()
        elif status == HTTPStatus.OK:  # a page to log in, as some servers answer
            self._answer(status, b"<html>please log in</html>")
        else:
            self._answer(status, b"")

    do_HEAD = do_GET  # noqa: N815

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """Serve two dates, whose items lie beside their files."""
    Server.statuses = {}
    writer = CatalogWriter(tmp_path / "served")
    for n in (1, 2):
        writer.sentinel2(f"d{n}", f"2021-06-1{n}T03:00:00Z", np.full((64, 64), 2000, np.uint16))
    writer.write()
    handler = partial(Server, directory=str(tmp_path / "served"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("status", [404, 410, 403, 200, 501])
def test_a_remote_file_that_is_gone_is_named_and_no_nodata(
    served: str, reader: str, status: int
) -> None:
    Server.statuses = {"/sentinel-2-l2a/d2/B04.tif": status}
    survey = survey_over(f"{served}/catalog.json", catalog={"reader": reader})
    manifest = frozen(survey)
    # of 403 it is asked whether others are refused too: then the credentials would be the reason
    files = open_reader(reader, locator_of(survey), 1, manifest.found)
    box = NativeGrid.of(manifest.found[0].assets["B04"]).geobox(BOX)
    with pytest.raises(DataError, match=r"item d2, asset B04: .*/d2/B04\.tif"):
        files.read(manifest.found, ["B03", "B04"], box)


@pytest.mark.parametrize("reader", READERS)
def test_the_tile_of_a_remote_file_that_is_gone_is_not_made(
    served: str, reader: str, tmp_path: Path
) -> None:
    (tmp_path / "served" / "sentinel-2-l2a" / "d2" / "B04.tif").unlink()
    survey = survey_over(f"{served}/catalog.json", catalog={"reader": reader})
    with pytest.raises(DataError, match=r"item d2, asset B04: .*404"):
        cube_of(survey, tmp_path / "store")


def test_a_header_that_cannot_be_read_now_is_told_of_when_pixels_are(tmp_path: Path) -> None:
    writer = CatalogWriter(tmp_path)
    writer.sentinel2("whole", "2021-06-10T03:00:00Z", np.full((64, 64), 2000, np.uint16))
    writer.sentinel2("short", "2021-06-20T03:00:00Z", np.full((64, 64), 2000, np.uint16))
    survey = survey_over(writer.write())
    path = tmp_path / "sentinel-2-l2a" / "short" / "B05.tif"
    path.write_bytes(path.read_bytes()[:60])
    manifest = frozen(survey)
    assert [item.id for item in manifest.found] == ["whole", "short"]
    assert manifest.left_out == ()
    with pytest.raises(DataError, match=r"item short, asset B05: cannot read .*short/B05\.tif"):
        cube_of(survey, tmp_path / "store")
