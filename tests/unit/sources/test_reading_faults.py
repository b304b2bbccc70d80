"""What a raster that cannot be read means: its tile, this worker, or the whole run."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from shapely.geometry import box

from _catalogs import CatalogWriter, frozen, locator_of, survey_over, write_raster
from minecover.errors import DataError, MinecoverError, SurveyError, TryAgainError
from minecover.geography import polygon_files
from minecover.geography.grid import Window
from minecover.geography.settings import AreaSettings
from minecover.sources.checksum import recorded_checksum
from minecover.sources.dask_readers import StackstacReader
from minecover.sources.documents import read_json
from minecover.sources.gdal import reading_error
from minecover.sources.native import NativeGrid
from minecover.sources.reader import open_reader
from minecover.storage.location import content_digest
from minecover.survey.grid import survey_grid

CODES = (errno.EMFILE, errno.ENOMEM, errno.EIO, errno.ESTALE, errno.ENOSPC)


def error_for(text: str, href: str = "s3://bucket/b.tif") -> MinecoverError:
    try:
        raise RuntimeError("Error opening a raster") from OSError(text)
    except RuntimeError as error:
        return reading_error(error, href, "item x, asset B02")


@pytest.mark.parametrize(
    "text",
    [
        "CURL error: Operation timed out", "HTTP response code: 503", "response_code=429",
        "Could not resolve host: a", "SlowDown",
    ],
)  # fmt: skip
def test_a_servers_silence_is_no_damage(text: str) -> None:
    assert isinstance(error_for(text), TryAgainError)


@pytest.mark.parametrize(
    "text",
    [
        "HTTP response code: 403", "HTTP response code on https://a/b.tif?x=1: 401",
        "The provided token has expired.", "Access Denied", "AccessDenied", "ExpiredToken",
        "InvalidAccessKeyId", "SignatureDoesNotMatch", "Request has expired",
        "The security token included in the request is invalid",
    ],
)  # fmt: skip
def test_rejected_credentials_end_the_run_and_skip_no_tile(text: str) -> None:
    error = error_for(text)
    assert isinstance(error, SurveyError)
    assert error.exit_code == 2
    assert "AWS_SESSION_TOKEN" in str(error)
    assert "item x, asset B02" in str(error)


@pytest.mark.parametrize("text", [*map(os.strerror, CODES), "can't start new thread"])
@pytest.mark.parametrize("href", ["s3://bucket/b.tif", "item/b.tif"])
def test_what_a_worker_lacks_is_no_damage(text: str, href: str) -> None:
    error = error_for(f"item/b.tif: {text}", href)
    assert isinstance(error, TryAgainError)
    assert "this worker cannot read" in str(error)


@pytest.mark.parametrize("text", ["HTTP response code: 404", "TIFFReadEncodedTile() failed"])
def test_what_is_missing_or_damaged_is_data(text: str) -> None:
    assert isinstance(error_for(text), DataError)


def test_signatures_stay_secret() -> None:
    href = "https://me:HIDDEN@a/b.tif?sig=HIDDEN&se=1"
    for text in ("timed out", "HTTP response code: 403", os.strerror(errno.EMFILE), "damaged"):
        message = str(error_for(f"{text}: /vsicurl/{href}", href))
        assert "HIDDEN" not in message
        assert "https://a/b.tif" in message


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), TryAgainError),
        (RuntimeError("can't start new thread"), TryAgainError),
        (RuntimeError("IReadBlock failed"), DataError),
    ],
)
def test_a_reader_tells_the_worker_from_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, kind: type[Exception]
) -> None:
    writer = CatalogWriter(tmp_path)
    writer.sentinel2("first", "2021-06-10T03:00:00Z", np.full((64, 64), 2000, np.uint16))
    survey = survey_over(writer.write())
    (item,) = frozen(survey, survey_grid(survey)).found

    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(StackstacReader, "_compute", fails)
    reader = open_reader("stackstac", locator_of(survey))
    box = NativeGrid.of(item.assets["B02"]).geobox(Window(0, 8, 0, 8))
    with pytest.raises(kind, match="item first, asset B02"):
        reader.read([item], ["B02", "B03"], box)


def test_a_file_of_the_surveys_own_in_a_bucket_is_remote_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = CatalogWriter(tmp_path)
    writer.sentinel2("first", "2021-06-10T03:00:00Z", np.full((64, 64), 2000, np.uint16))
    path = tmp_path / "dem.tif"
    write_raster(path, np.ones((64, 64), np.float32))
    survey = survey_over(writer.write(), sources={"terrain": {"path": str(path)}})
    grid = survey_grid(survey)
    (item,) = frozen(survey, grid).items("terrain", "")
    asset = item.assets["elevation"].model_copy(update={"checksum": None})
    item = item.model_copy(update={"assets": {"elevation": asset}})

    def fails(*_: object) -> None:
        raise RuntimeError("HTTP response code: 403")

    monkeypatch.setattr(StackstacReader, "_compute", fails)
    far = survey_over(tmp_path / "catalog.json", sources={"terrain": {"path": "s3://b/dem.tif"}})
    with pytest.raises(SurveyError, match=r"refuses /vsis3/b/dem\.tif"):
        open_reader("stackstac", locator_of(far)).read(
            [item], ["elevation"], NativeGrid.of(asset).geobox(Window(0, 8, 0, 8))
        )


@pytest.mark.parametrize(
    "read",
    [
        lambda path: content_digest(path, "samples.path", "give the points"),
        lambda path: recorded_checksum(path, "sources.terrain.path"),
        read_json,
    ],
    ids=["digest", "checksum", "document"],
)
def test_a_file_that_this_worker_cannot_open_is_not_the_surveys_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[str], object]
) -> None:
    path = tmp_path / "file"
    with pytest.raises(SurveyError, match=r"cannot read .*file"):
        read(str(path))
    path.write_text("{}")

    def fails(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(Path, "open", fails)
    monkeypatch.setattr(Path, "read_bytes", fails)
    with pytest.raises(TryAgainError, match=r"this worker cannot read .*file: Too many open files"):
        read(str(path))


def test_an_outline_on_a_mount_that_is_gone_is_not_the_surveys_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    path = tmp_path / "area.gpkg"
    gpd.GeoDataFrame(geometry=[box(0, 0, 1, 1)], crs=4326).to_file(path)
    monkeypatch.setattr(polygon_files.gpd, "read_file", fails)
    with pytest.raises(TryAgainError, match=r"area\.path: this worker cannot read"):
        polygon_files.read_polygons(AreaSettings(path=str(path)), "area")
