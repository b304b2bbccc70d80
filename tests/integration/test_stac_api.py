"""The catalog against a real STAC API: paging, dates, collections, limits, what it refuses."""

from __future__ import annotations

import http.server
import os
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from _catalogs import CatalogWriter, arrays_of_cube, frozen, survey_over, whole_of
from minecover.errors import DataError, SurveyError
from minecover.sources import web
from minecover.sources.catalog import open_catalog
from minecover.sources.web import ApiCatalog
from minecover.survey.grid import survey_grid
from services.stac_api import UnavailableError, stac_api

pytestmark = pytest.mark.integration

COUNT = 30


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[CatalogWriter, str]]:
    """A catalog whose rasters are served by a web server."""
    writer = CatalogWriter(tmp_path_factory.mktemp("files"))
    dn = np.full((64, 64), 2000, np.uint16)
    for n in range(COUNT):
        writer.sentinel2(f"item-{n:02d}", f"2021-{n % 12 + 1:02d}-{n % 28 + 1:02d}T03:00:00Z", dn)
    writer.write()
    handler = partial(_Quiet, directory=os.fspath(writer.folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield writer, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def api(
    files: tuple[CatalogWriter, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    writer, address = files
    items = [_served(item, address) for item in writer.items["sentinel-2-l2a"]]
    bad = {**items[0], "id": "bad", "collection": "elsewhere"}
    bad["assets"] = {**bad["assets"], "B02": {"href": "file:///etc/passwd"}}
    collections = [_collection("sentinel-2-l2a"), _collection("elsewhere")]
    try:
        with stac_api(tmp_path_factory.mktemp("pgstac"), collections, [*items, bad]) as url:
            yield url
    except UnavailableError as error:
        pytest.skip(str(error))


def _served(item: dict[str, Any], address: str) -> dict[str, Any]:
    west, south, east, north = item["bbox"]
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    base = f"{address}/sentinel-2-l2a/{item['id']}"
    assets = {key: {**asset, "href": f"{base}/{key}.tif"} for key, asset in item["assets"].items()}
    return {**item, "geometry": {"type": "Polygon", "coordinates": [ring]}, "assets": assets}


def _collection(name: str) -> dict[str, Any]:
    extent = {
        "spatial": {"bbox": [[110.9, 39.7, 111.1, 39.8]]},
        "temporal": {"interval": [["2021-01-01T00:00:00Z", None]]},
    }
    return {
        "type": "Collection", "id": name, "stac_version": "1.0.0", "description": name,
        "license": "proprietary", "extent": extent, "links": [],
    }  # fmt: skip


YEAR = {"year": ["2021-01-01/2021-12-31"]}


def test_all_pages_are_followed(
    api: str, files: tuple[CatalogWriter, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "PAGES", (7,))
    catalog = open_catalog(api)
    assert isinstance(catalog, ApiCatalog)
    assert set(catalog.collections()) == {"sentinel-2-l2a", "elsewhere"}
    manifest = frozen(survey_over(api, seasons=YEAR))
    assert sorted(item.id for item in manifest.found) == [f"item-{n:02d}" for n in range(COUNT)]
    writer, address = files
    static = frozen(survey_over(writer.folder / "catalog.json", seasons=YEAR))
    assert [item.id for item in static.found] == [item.id for item in manifest.found]
    base = f"{address}/sentinel-2-l2a/item-00"
    assert manifest.found[0].assets["B02"].href == f"{base}/B02.tif"


def test_seasons_are_asked_for_and_an_item_of_two_ranges_comes_once(api: str) -> None:
    ranges = ["2021-06-01/2021-06-30", "2021-06-15/2021-07-31"]
    manifest = frozen(survey_over(api, seasons={"summer": ranges}))
    months = [str(item.datetime)[5:7] for item in manifest.found]
    assert set(months) == {"06", "07"}
    assert len({item.id for item in manifest.found}) == len(manifest.found)


def test_an_unknown_collection_an_empty_season_and_a_far_area_are_named(api: str) -> None:
    sources = {"sentinel2": {"scl": None, "collection": "s2"}}
    with pytest.raises(SurveyError, match=r"no collection 's2'; it has elsewhere, sentinel-2-l2a"):
        frozen(survey_over(api, sources=sources))
    with pytest.raises(SurveyError, match=r"seasons\.late.*2022-03-01.*2021-12-\d\d"):
        frozen(survey_over(api, seasons={"late": ["2022-03-01/2022-03-31"]}))
    with pytest.raises(SurveyError, match=r"outside of the catalog: .*collection 110\.9"):
        frozen(survey_over(api, left=800_000.0))
    with pytest.raises(SurveyError, match="more than 5 items"):
        frozen(survey_over(api, seasons=YEAR, catalog={"max_items": 5}))


def test_an_api_never_names_a_local_file(api: str) -> None:
    sources = {"sentinel2": {"scl": None, "collection": "elsewhere"}}
    with pytest.raises(DataError, match=r"item bad, asset B02: file:///etc/passwd"):
        frozen(survey_over(api, seasons=YEAR, sources=sources))


def test_a_wrong_path_of_the_api_is_the_surveys_fault(api: str) -> None:
    with pytest.raises(SurveyError, match=r"404.*catalog\.url"):
        frozen(survey_over(f"{api}/nothing"))


def test_a_tile_is_read_over_the_web(api: str, tmp_path: Path) -> None:
    from minecover.stages.cube import CubeJob
    from minecover.storage.names import CUBE_RASTER
    from minecover.storage.store import Store

    survey = survey_over(api, seasons={"may": ["2021-05-01/2021-05-31"]})
    grid, store = survey_grid(survey), Store(str(tmp_path))
    frozen(survey).save(store)
    layers = store.create_layers(CUBE_RASTER, grid, arrays_of_cube(survey), {})
    CubeJob(str(tmp_path), survey)(grid.tiles[0])
    values = whole_of(layers)
    assert np.allclose(values[:10], 0.2)
    assert (values[10] == 3).all()
