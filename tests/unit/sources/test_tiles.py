"""Tiles of TIFFs that are found, fetched and inflated without GDAL, against what GDAL reads."""

from __future__ import annotations

import http.server
import re
import struct
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from minecover.geography.grid import Window
from minecover.sources.access import FileAccess
from minecover.sources.confirmation import Confirmation
from minecover.sources.kept_tiles import KeptTiles
from minecover.sources.manifest import Asset, Item
from minecover.sources.native import NativeGrid
from minecover.sources.numbers import Wanted
from minecover.sources.ranges import bytes_of
from minecover.sources.reader import open_reader
from minecover.sources.tiff import Read, TiffTiles, tiff_tiles
from minecover.sources.tile_reader import TILE_ERRORS, TiledFile
from minecover.storage.s3 import AMAZON

SHAPE = (100, 70)
PLACE = Affine(10, 0, 0, 0, -10, 0)
TILED = {"tiled": True, "blockxsize": 32, "blockysize": 16}
READ_HERE: dict[str, dict[str, Any]] = {
    "stored": {},
    "deflated": {"compress": "deflate"},
    "differences": {"compress": "deflate", "predictor": 2},
    "BigTIFF": {"compress": "deflate", "predictor": 2, "bigtiff": "yes"},
    "COG": {"driver": "COG", "compress": "deflate", "predictor": 2, "blocksize": 128},
}
READ_BY_GDAL: dict[str, dict[str, Any]] = {
    "stripes": {"tiled": False},
    "other byte order": {"endianness": "big"},
    "LZW": {"compress": "lzw"},
    "two bands": {"count": 2},
    "12 bits": {"nbits": 12},
    "signed": {"dtype": "int16"},
    "floats": {"dtype": "float32"},
}


def write(path: Path, dtype: str = "uint16", **layout: Any) -> np.ndarray:
    values = np.random.default_rng(1).integers(0, 200, SHAPE).astype(dtype)
    values[::7] *= 40 if dtype == "uint16" else 1
    options = {
        "driver": "GTiff",
        "count": 1,
        "transform": PLACE,
        **({} if "driver" in layout else TILED),
        **layout,
    }
    if not options.get("tiled", True):
        options = {key: value for key, value in options.items() if not key.startswith("block")}
    with rasterio.open(
        path, "w", height=SHAPE[0], width=SHAPE[1], dtype=dtype, **options
    ) as raster:
        for band in range(1, options["count"] + 1):
            raster.write(values, band)
    return values


def reading(path: Path) -> Read:
    read = bytes_of(str(path), AMAZON)
    assert read is not None
    return read


def tiles_of(path: Path) -> TiffTiles:
    found = tiff_tiles(reading(path))
    assert found is not None
    return found


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("layout", READ_HERE)
def test_any_window_is_what_gdal_reads(tmp_path: Path, layout: str, dtype: str) -> None:
    path = tmp_path / "a.tif"
    values = write(path, dtype, **READ_HERE[layout])
    tiles, keys = tiles_of(path), iter(range(1000))
    assert tiles.shape == SHAPE

    @settings(max_examples=25, deadline=None)
    @given(st.integers(0, 99), st.integers(1, 100), st.integers(0, 69), st.integers(1, 70))
    def check(y: int, rows: int, x: int, columns: int) -> None:
        window = Window(y, y + rows, x, x + columns).clip(*SHAPE)
        file = TiledFile((str(path), next(keys)), tiles, reading(path))
        for _ in ("fetched", "kept"):
            out = np.full(window.shape, 9, np.uint16)
            file.read_window(window, out)
            assert np.array_equal(out, values[window.slices])

    check()


@pytest.mark.parametrize("layout", READ_BY_GDAL)
def test_other_files_are_left_to_gdal(tmp_path: Path, layout: str) -> None:
    write(tmp_path / "a.tif", **READ_BY_GDAL[layout])
    assert tiff_tiles(reading(tmp_path / "a.tif")) is None


def test_what_is_no_tiff_or_ends_too_early_is_left_to_gdal(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    write(path, compress="deflate")
    for data in (b"", b"II*\0", path.read_bytes()[:40], b"II*\0" + struct.pack("<I", 2**31),
                 b"II+\0\x08\0\0\0" + struct.pack("<Q", 2**64 - 9)):  # fmt: skip
        path.write_bytes(data)
        assert tiff_tiles(reading(path)) is None


def test_tiles_that_lie_side_by_side_are_one_request_and_are_read_once(tmp_path: Path) -> None:
    path, requests = tmp_path / "a.tif", list[tuple[int, int]]()
    values = write(path, compress="deflate", predictor=2)
    tiles, read = tiles_of(path), reading(path)

    def counted(start: int, stop: int) -> bytes:
        requests.append((start, stop))
        return read(start, stop)

    file, out = TiledFile((str(path),), tiles, counted), np.empty((40, 60), np.uint16)
    file.read_window(Window(5, 45, 5, 65), out)
    assert len(requests) == 1
    assert np.array_equal(out, values[5:45, 5:65])
    # of the nine tiles two were used whole: nobody else wants these
    file.read_window(Window(0, 48, 0, 70), np.empty((48, 70), np.uint16))
    assert len(requests) == 2
    assert requests[1][1] - requests[1][0] == tiles.sizes[1, 1]


def test_tiles_that_were_never_written_or_are_spoiled_are_errors(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    write(path, compress="deflate")
    tiles, data, out = tiles_of(path), path.read_bytes(), np.empty(SHAPE, np.uint16)
    window = Window(0, *SHAPE[:1], 0, SHAPE[1])
    path.write_bytes(data[: tiles.offsets[3, 1]] + bytes(9) + data[tiles.offsets[3, 1] + 9 :])
    with pytest.raises(TILE_ERRORS):
        TiledFile(("spoiled",), tiles, reading(path)).read_window(window, out)
    path.write_bytes(data[: tiles.offsets[3, 1]])
    with pytest.raises(TILE_ERRORS):
        TiledFile(("cut",), tiles, reading(path)).read_window(window, out)
    with rasterio.open(
        path, "w", driver="GTiff", height=64, width=64, count=1, dtype="uint8", transform=PLACE,
        sparse_ok=True, **TILED,
    ) as raster:  # fmt: skip
        raster.write(np.ones((16, 32), np.uint8), 1, window=((0, 16), (0, 32)))
    with pytest.raises(TILE_ERRORS, match="never written"):
        TiledFile(("sparse",), tiles_of(path), reading(path)).read_window(
            Window(0, 17, 0, 9), np.empty((17, 9), np.uint16)
        )


@pytest.mark.parametrize("length", [32 * 16 * 2 - 1, 32 * 16 * 2 + 1, 2**24])
def test_a_tile_of_more_or_fewer_numbers_than_it_has_is_an_error(length: int) -> None:
    data = zlib.compress(bytes(length))
    places, dtype = np.zeros((1, 1), np.int64), np.dtype(np.uint16)
    sizes = np.full((1, 1), len(data))
    tiles = TiffTiles((16, 32), (16, 32), dtype, True, False, places, sizes)
    file = TiledFile((length,), tiles, lambda start, stop: data[start:stop])
    with pytest.raises(TILE_ERRORS, match="a tile"):
        file.read_window(Window(0, 16, 0, 32), np.empty((16, 32), np.uint16))


def test_a_tile_that_takes_more_bytes_than_its_numbers_is_not_fetched() -> None:
    places, dtype = np.zeros((1, 1), np.int64), np.dtype(np.uint16)
    tiles = TiffTiles((16, 32), (16, 32), dtype, True, False, places, places + 2**40)
    file = TiledFile(("large",), tiles, lambda start, stop: pytest.fail("it was fetched"))
    with pytest.raises(TILE_ERRORS, match="larger than its numbers"):
        file.read_window(Window(0, 16, 0, 32), np.empty((16, 32), np.uint16))


def test_tiles_are_kept_in_bounded_memory_and_come_back_as_they_were() -> None:
    rng = np.random.default_rng(0)
    tiles = [rng.integers(0, 2**16, 5000).astype(np.uint16) for _ in range(20)]
    kept, most = KeptTiles(45_000), 4  # noise packs into no less than it is
    for n, tile in enumerate(tiles):
        kept.keep((n,), tile)
        kept.keep((n,), tile)
        there = {m for m in range(n + 1) if kept.get((m,), tile.dtype) is not None}
        assert n in there
        assert len(there) == min(n + 1, most)
        for m in there:
            assert np.array_equal(kept.get((m,), tile.dtype), tiles[m])
    kept.keep(("larger than all",), rng.integers(0, 2**16, 50_000).astype(np.uint16))
    assert kept.get((19,), tiles[19].dtype) is not None


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve ranges of a folder; what was asked for is listed."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.path} {self.headers['Range']}")
            data = (tmp_path / self.path.strip("/")).read_bytes()
            first, last = map(int, re.findall(r"\d+", self.headers["Range"]))
            part = data[first : last + 1]
            self.send_response(206)
            end = first + len(part) - 1
            self.send_header("Content-Range", f"bytes {first}-{end}/{len(data)}")
            self.send_header("Content-Length", str(len(part)))
            self.end_headers()
            self.wfile.write(part)

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()
        thread.join()


def test_a_file_far_away_is_one_request_for_its_header_and_one_for_its_tiles(
    tmp_path: Path, served: tuple[str, list[str]]
) -> None:
    url, asked = served
    values = write(tmp_path / "a.tif", compress="deflate", predictor=2, crs="EPSG:32649", nodata=3)
    asset = Asset(href=f"{url}/a.tif", crs="EPSG:32649", transform=tuple(PLACE)[:6], shape=SHAPE)
    one = Item(source="s", seasons=("a",), id="one", bounds=(0, 0, 1, 1), assets={"B": asset})
    (found,) = Confirmation(FileAccess(str))([one])
    assert found == one
    box = NativeGrid.of(asset).geobox(Window(0, *SHAPE[:1], 0, SHAPE[1]))
    for _ in range(2):
        reader = open_reader("native", str)
        (numbers,) = reader.numbers([Wanted([found], ["B"], box)])
        assert np.array_equal(numbers.values[0, 0], values)
        assert numbers.nodata[0, 0] == 3
    assert len(asked) == 3
    assert asked[0] == "/a.tif bytes=0-32767"
    assert asked[1] == asked[2]


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("https://a.org/b/c.tif", True),
        ("https://a.org/b/c.tif?sig=x%2F", True),
        ("https://a.org/b/c%20d.tif", False),  # escapes would be escaped again
        ("/vsicurl/https://a.org/c.tif", False),
        ("/vsis3/bucket/c.tif", True),
    ],
)
def test_what_only_gdal_reaches_is_left_to_it(
    path: str, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (bytes_of(path, AMAZON) is not None) == known
    monkeypatch.setenv("GDAL_HTTP_HEADERS", "Authorization: Bearer x")
    assert bytes_of(path, AMAZON) is None


def test_files_whose_server_has_a_password_are_left_to_gdal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine a.example login me password secret\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert bytes_of("https://a.example/c.tif", AMAZON) is None
    assert bytes_of("https://b.example/c.tif", AMAZON) is not None
