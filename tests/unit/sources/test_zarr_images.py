"""Bands that are arrays of a Zarr store: read right by every reader, and never silently nodata."""

from __future__ import annotations

import json
import threading
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

import minecover as mc
from _catalogs import (
    BANDS,
    LEFT,
    TOP,
    CatalogWriter,
    cube_names,
    cube_of,
    frozen,
    survey_over,
)
from _eopf import FINE, SCL, array_of, pattern, write_product
from minecover.errors import DataError
from minecover.geography.grid import Window
from minecover.sources.gdal import reading_error
from minecover.sources.zarr_images import READING_ERRORS, Chunks, is_zarr, open_image
from minecover.survey import Survey

ROWS = 48
NAME = "S2B_MSIL2A_20210610T030541_N0511_R075_T49SDC_20210610T081234"

# odc-geo 0.5 still calls a function that shapely 2.2 deprecates
pytestmark = pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")


class Product:
    """A product in a folder with a catalog of it."""

    def __init__(self, folder: Path) -> None:
        self.dn = {
            band: pattern(100 * n, ROWS if band in FINE else ROWS // 2)
            for n, band in enumerate(BANDS)
        }
        self.dn["B02"][0, 0] = 0
        scl = np.full((ROWS // 2, ROWS // 2), 4, np.uint8)
        scl[-4:] = 9
        self.path = folder / f"{NAME}.zarr"
        write_product(self.path, self.dn, scl)
        names = {band: f"{band}_{10 if band in FINE else 20}m" for band in BANDS}
        places = {names[band]: array_of(band) for band in BANDS} | {"SCL_20m": SCL}
        self.writer = CatalogWriter(folder)
        self.item: dict[str, Any] = {
            "type": "Feature",
            "stac_version": "1.1.0",
            "id": NAME,
            "collection": "sentinel-2-l2a",
            "bbox": [110.9, 39.7, 111.1, 39.8],
            "properties": {"datetime": "2021-06-10T03:05:41Z", "processing:version": "05.11"},
            "assets": {
                key: {"href": f"../../{NAME}.zarr/{place}", "type": "application/vnd+zarr"}
                for key, place in places.items()
            },
        }
        self.writer.items["sentinel-2-l2a"] = [self.item]

    def survey(self, reader: str = "native", **sections: Any) -> Survey:
        size, sources = (ROWS, ROWS), {"sentinel2": {"scl": "SCL"}}
        catalog = {"reader": reader}
        return survey_over(self.writer.write(), size, catalog=catalog, sources=sources, **sections)


@pytest.fixture
def product(tmp_path: Path) -> Product:
    return Product(tmp_path)


@pytest.mark.parametrize("reader", ["native", "stackstac", "odc-stac"])
def test_every_reader_reads_bands_at_their_own_resolution(
    product: Product, tmp_path: Path, reader: str
) -> None:
    survey = product.survey(reader)
    item = frozen(survey).found[0]
    assert item.assets["B02"].shape == (ROWS, ROWS)
    assert item.assets["B11"].transform == (20.0, 0.0, LEFT, 0.0, -20.0, TOP)
    assert item.assets["B02"].offset == -1000
    cube = dict(zip(cube_names(survey), cube_of(survey, tmp_path / "store"), strict=True))
    for band in FINE:
        expected = (product.dn[band].astype(np.float64) - 1000) / 10_000
        inside = cube[f"summer_{band}"][1:36, 1:]  # SCL of 20 m is nearest: 8 rows of cloud
        np.testing.assert_allclose(inside, expected[1:36, 1:], atol=1e-6)
    assert np.isnan(cube["summer_B02"][0, 0])
    assert np.isnan(cube["summer_B02"][-8:]).all()
    # a plane is a plane after bilinear resampling: in the middle of a 20 m pixel's four
    coarse = (product.dn["B11"].astype(np.float64) - 1000) / 10_000
    middle = cube["summer_B11"][10:12, 10:12].mean()
    assert middle == pytest.approx(coarse[5, 5], abs=1e-6)


def test_an_item_that_places_its_arrays_wrong_is_corrected_by_them(product: Product) -> None:
    for asset in product.item["assets"].values():
        asset |= {"proj:code": "EPSG:32649", "proj:shape": [ROWS, ROWS]}
        asset["proj:transform"] = [10, 0, LEFT + 500, 0, -10, TOP]
    item = frozen(product.survey()).found[0]
    assert item.assets["B04"].transform == (10.0, 0.0, LEFT, 0.0, -10.0, TOP)
    assert "placed by the file's header" in item.assets["B04"].note


def test_arrays_of_groups_are_named_by_the_survey(product: Product) -> None:
    groups = {f"SR_{m}m": f"measurements/reflectance/r{m}m" for m in (10, 20)}
    product.item["assets"] = {
        key: {"href": f"../../{NAME}.zarr/{place}", "bands": [{"name": "b02"}, {"name": "b03"}]}
        for key, place in groups.items()
    }
    names = {band: f"SR_{10 if band in FINE else 20}m#{band.lower()}" for band in BANDS}
    survey = product.survey().replace(sources__sentinel2={"scl": None, "assets": names})
    item = frozen(survey).found[0]
    assert item.assets["B03"].href == f"{NAME}.zarr/{array_of('B03')}"
    assert item.assets["B12"].shape == (ROWS // 2, ROWS // 2)
    assert item.assets["B12"].band is None


def test_a_group_or_a_missing_array_is_left_out_and_named(product: Product) -> None:
    product.item["assets"]["B02_10m"]["href"] = f"../../{NAME}.zarr/measurements/reflectance/r10m"
    with pytest.raises(DataError, match="is no array of rows and columns; name the array"):
        frozen(product.survey())
    product.item["assets"]["B02_10m"]["href"] = f"../../{NAME}.zarr/measurements/reflectance/b02"
    with pytest.raises(DataError, match=r"asset B02_10m: cannot read|No such file"):
        frozen(product.survey())


def test_a_damaged_chunk_is_no_nodata(product: Product, tmp_path: Path) -> None:
    chunk = product.path / array_of("B04") / "1.1"
    chunk.write_bytes(chunk.read_bytes()[:40])
    with pytest.raises(DataError, match="asset B04: cannot read"):
        cube_of(product.survey(), tmp_path / "store")


class Refusing(SimpleHTTPRequestHandler):
    """Serves a folder, but refuses one chunk."""

    def do_GET(self) -> None:
        if self.path.endswith("r10m/b04/1.1"):
            self.send_error(HTTPStatus.FORBIDDEN)
        else:
            super().do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_chunk_that_a_server_refuses_is_no_nodata(product: Product) -> None:
    handler = partial(Refusing, directory=str(product.path.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        place = f"http://127.0.0.1:{server.server_port}/{NAME}.zarr/{array_of('B04')}"
        image = open_image(place, "here")
        assert np.array_equal(image.read(Window(0, 20, 0, 48)), product.dn["B04"][:20])
        with pytest.raises(READING_ERRORS) as caught:
            image.read(Window(0, 48, 0, 48))
        server.shutdown()
    assert "here: the server refuses" in str(reading_error(caught.value, place, "here"))


def test_products_in_a_folder_become_a_catalog(product: Product, tmp_path: Path) -> None:
    broken = tmp_path / "no_product.zarr"
    broken.mkdir()
    with pytest.warns(UserWarning, match=r"left out: .*no_product\.zarr"):
        path = mc.catalog_from_files(tmp_path)
    survey = survey_over(path, (ROWS, ROWS), sources={"sentinel2": {"scl": "SCL"}})
    item = frozen(survey).found[0]
    assert (item.id, item.platform, item.baseline) == (NAME, "sentinel-2b", 5.11)
    assert item.datetime == "2021-06-10T03:05:41+00:00"
    assert item.assets["B8A"].offset == -1000
    assert item.assets["B8A"].href == f"{NAME}.zarr/{array_of('B8A')}"


def test_links_out_of_the_folder_are_refused(product: Product, tmp_path: Path) -> None:
    product.item["assets"]["B02_10m"]["href"] = f"../../../{NAME}.zarr/{array_of('B02')}"
    with pytest.raises(DataError, match="outside of the catalog's folder"):
        frozen(product.survey())


@pytest.mark.parametrize(
    ("link", "known"),
    [
        ("/data/a.zarr/measurements/b02", True),
        ("https://host/bucket/a.zarr/b02", True),
        ("a.zarr", False),
        ("a.zarr/", False),
        ("a.tif", False),
        ("https://host/a.zarr/b02?sig=x", False),
    ],
)
def test_links_into_stores(link: str, known: bool) -> None:
    assert is_zarr(link) is known


def test_chunks_are_decoded_once_and_kept_within_their_bytes(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = open_image(f"{product.path}/{array_of('B03')}", "here")
    whole = np.asarray(image.array[:])
    read, kept = list[object](), Chunks(3 * 20 * 20 * 2)
    monkeypatch.setattr("minecover.sources.zarr_images._kept", lambda: kept)
    original = zarr.Array.__getitem__

    def counted(self: zarr.Array[Any], place: Any) -> Any:
        read.append(place)
        return original(self, place)

    monkeypatch.setattr(zarr.Array, "__getitem__", counted)
    for window in (Window(0, 10, 5, 25), Window(10, 20, 5, 25), Window(18, 48, 40, 48)):
        part = whole[window.y0 : window.y1, window.x0 : window.x1]
        assert np.array_equal(image.read(window), part)
    assert len(read) == 2 + 0 + 3
    assert kept._bytes <= 3 * 20 * 20 * 2
    assert json.loads((product.path / array_of("B03") / ".zarray").read_text())["zarr_format"] == 2
