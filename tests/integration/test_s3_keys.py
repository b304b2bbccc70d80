"""A raster in a bucket whose server rejects the credentials: the run ends, no tile is skipped."""

from __future__ import annotations

import uuid
from pathlib import Path

import numpy as np
import obstore
import pytest

from _catalogs import write_raster
from minecover.errors import DataError, SurveyError
from minecover.sources.gdal import gdal_path
from minecover.sources.header import read_header
from minecover.storage.bucket import open_store
from minecover.storage.s3 import catalog_access
from services.s3 import Server

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    "changes",
    [
        {"AWS_SECRET_ACCESS_KEY": "wrong-secret"},
        {"AWS_ACCESS_KEY_ID": "wrong-name"},
        {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
    ],
    ids=["secret", "name", "none"],
)
def test_rejected_credentials_are_no_damage(
    s3: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str]
) -> None:
    write_raster(tmp_path / "a.tif", np.ones((64, 64), np.uint16))
    # a name of its own: GDAL remembers what a server answered about a file
    names = [f"{uuid.uuid4().hex}.tif" for _ in range(2)]
    for name in names:
        obstore.put(open_store("s3://minecover"), name, (tmp_path / "a.tif").read_bytes())
    first, second = (f"s3://minecover/{name}" for name in names)
    server = s3.environment()["AWS_ENDPOINT_URL"]
    access = catalog_access(server)
    assert read_header(gdal_path(first), first, "item a", access).shape == (64, 64)
    gone = "s3://minecover/gone.tif"
    with pytest.raises(DataError):
        read_header(gdal_path(gone), gone, "item a", access)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name, value in changes.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SurveyError, match=r"item a: the server refuses .*Check the credentials"):
        read_header(gdal_path(second), second, "item a", catalog_access(server))
