"""A real HTTP server that refuses one file, which is bad data, or all: rejected credentials."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from _catalogs import write_raster
from minecover.errors import DataError, SurveyError
from minecover.sources.gdal import gdal_path
from minecover.sources.header import read_header
from minecover.sources.manifest import Asset, Item
from minecover.sources.reader import open_reader

pytestmark = pytest.mark.integration

REFUSED: set[str] = set()


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, whole files only, and refuses what is in `REFUSED`."""

    def send_head(self) -> Any:
        if Path(self.path).name in REFUSED:
            self.send_error(403)
            return None
        return super().send_head()

    def log_message(self, *_: object) -> None:
        """Tell nothing."""


@pytest.fixture
def items(tmp_path: Path) -> Iterator[tuple[Item, ...]]:
    """Three items of one asset on a server on loopback."""
    handler = partial(Handler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found = []
        for number in range(3):
            path = tmp_path / f"{number}.tif"
            write_raster(path, np.full((64, 64), number + 1, np.uint16))
            grid = read_header(str(path), str(path), "the test's own file").grid(
                "the test's own file"
            )
            href = f"http://127.0.0.1:{server.server_port}/{path.name}"
            asset = Asset(
                href=href, crs=grid.crs, transform=grid.transform, shape=grid.shape,
                nodata=None, scale=1.0, offset=0.0,
            )  # fmt: skip
            where = (0.0, 0.0, 1.0, 1.0)
            found.append(
                Item(
                    source="sentinel2", seasons=("summer",), id=str(number), bounds=where,
                    assets={"B04": asset},
                )
            )  # fmt: skip
        yield tuple(found)
        server.shutdown()
    REFUSED.clear()


def test_a_file_that_is_refused_alone_is_bad_data(items: tuple[Item, ...]) -> None:
    grid = items[0].assets["B04"]
    box = GeoBox(grid.shape, Affine(*grid.transform), grid.crs)
    reader = open_reader("stackstac", gdal_path, 1, items)
    assert reader.read(items[:1], ["B04"], box).max() == 1
    REFUSED.add("1.tif")
    with pytest.raises(DataError, match=r"item 1, asset B04: .* refuses .*1\.tif, but not other"):
        reader.read(items[1:2], ["B04"], box)
    REFUSED.update(("0.tif", "2.tif"))
    with pytest.raises(
        SurveyError, match=r"item 2, asset B04: the server refuses .*Check the credentials"
    ):
        reader.read(items[2:], ["B04"], box)
