"""Store and images on two servers: each is asked for its own, with its own credentials."""

from __future__ import annotations

import http.server
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from _catalogs import CatalogWriter, survey_over, whole_of
from minecover.errors import SurveyError
from minecover.stages.registry import stages_of
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.workflow.progress import Silent
from minecover.workflow.run import Run
from services.s3 import Server

pytestmark = [
    pytest.mark.integration,
    # odc-geo calls it
    pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning"),
]

BUCKET = "eodata"


@dataclass
class Images:
    """What the server of the images was asked for, and by whom."""

    url: str = ""
    paths: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder of buckets, and writes down what it is asked for."""

    def __init__(self, *given: Any, images: Images, **named: Any) -> None:
        self.images = images
        super().__init__(*given, **named)

    def send_head(self) -> Any:
        self.images.paths.add(self.path)
        signature = self.headers.get("authorization", "")
        self.images.keys.add(signature.partition("Credential=")[2].partition("/")[0])
        return super().send_head()

    def end_headers(self) -> None:
        self.send_header("ETag", '"1"')
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def writer(tmp_path: Path) -> CatalogWriter:
    """A catalog whose rasters say themselves where they lie."""
    writer = CatalogWriter(tmp_path / "buckets" / BUCKET)
    item = writer.sentinel2("one", "2021-06-10T03:00:00Z", np.full((64, 64), 2000, np.uint16))
    del item["properties"]["proj:code"]
    return writer


@pytest.fixture
def images(tmp_path: Path, writer: CatalogWriter) -> Iterator[Images]:
    """A server of its own for catalog and images."""
    writer.write()
    images = Images()
    handler = partial(Handler, directory=str(tmp_path / "buckets"), images=images)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        images.url = f"http://127.0.0.1:{server.server_port}"
        yield images
        server.shutdown()


def survey(threads: int = 1, **catalog: Any) -> Survey:
    return survey_over(
        f"s3://{BUCKET}/catalog.json",
        catalog=catalog,
        engine={"tiles": "local", "threads": threads},
        store=f"s3://minecover/{uuid.uuid4().hex}",
    )


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("reader", ["native", "stackstac", "odc-stac"])
def test_store_and_images_are_on_servers_of_their_own(
    s3: Server, images: Images, monkeypatch: pytest.MonkeyPatch, reader: str, threads: int
) -> None:
    monkeypatch.setenv("MINECOVER_CATALOG_ACCESS_KEY_ID", "images-key")
    monkeypatch.setenv("MINECOVER_CATALOG_SECRET_ACCESS_KEY", "images-secret")
    given = survey(threads, s3_endpoint=images.url, reader=reader)
    # as on a worker of Dask: what the main thread tells GDAL would count in all threads
    with ThreadPoolExecutor(1) as pool:
        pool.submit(Run(given, stages_of(given), Silent()).until, "cube").result()
    assert f"/{BUCKET}/catalog.json" in images.paths
    assert f"/{BUCKET}/sentinel-2-l2a/one/B02.tif" in images.paths
    assert images.keys == {"images-key"}
    cube = Store(given.store).layers("cube.zarr")
    np.testing.assert_allclose(whole_of(cube)[cube.names.index("summer_B02")], 0.2, rtol=1e-6)


def test_gdals_variable_names_the_images_server_too(
    s3: Server, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_S3_ENDPOINT", images.url.removeprefix("http://"))
    monkeypatch.setenv("AWS_HTTPS", "NO")
    monkeypatch.setenv("AWS_NO_SIGN_REQUEST", "YES")
    given = survey()
    Run(given, stages_of(given), Silent()).until("cube")
    assert images.keys == {""}
    assert Store(given.store).read("cube.zarr/zarr.json") is not None


def test_a_catalog_on_the_wrong_server_names_the_setting(s3: Server, images: Images) -> None:
    given = survey(s3_endpoint=s3.environment()["AWS_ENDPOINT_URL"])
    with pytest.raises(SurveyError, match=r"catalog: .*`catalog\.s3_endpoint`"):
        Run(given, stages_of(given), Silent()).until("catalog")
    assert not images.paths
