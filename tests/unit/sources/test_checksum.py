"""Files that are not what their items say are refused before a pixel of them is read."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from _catalogs import CatalogWriter, frozen, locator_of, survey_over
from minecover.errors import DataError
from minecover.geography.grid import Window
from minecover.sources.checksum import verify
from minecover.sources.native import NativeGrid
from minecover.sources.reader import open_reader
from minecover.survey.grid import survey_grid

# of the three letters abc: FIPS 180-4 (SHA), RFC 1321 (MD5), FIPS 202 (SHA-3)
ABC = {
    "1114": "a9993e364706816aba3e25717850c26c9cd0d89d",
    "1220": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    "d50110": "900150983cd24fb0d6963f7d28e17f72",
    "1620": "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",
}


@pytest.fixture
def abc(tmp_path: Path) -> Path:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    return path


@pytest.mark.parametrize("code", ABC)
def test_known_digests_are_right(abc: Path, code: str) -> None:
    verify(abc, code + ABC[code], "item a, asset B02")


def test_another_file_is_refused_and_a_mended_one_is_read(abc: Path) -> None:
    checksum = "1220" + ABC["1220"]
    verify(abc, checksum, "item a, asset B02")
    abc.write_bytes(b"abd")
    os.utime(abc, (1, 1))  # also where it was replaced within the resolution of its clock
    with pytest.raises(DataError, match=r"item a, asset B02: .*not the file .*file:checksum"):
        verify(abc, checksum, "item a, asset B02")
    abc.write_bytes(b"abc")
    verify(abc, checksum, "item a, asset B02")


@pytest.mark.parametrize("checksum", ["", "12", "zz", "ff", "00" + ABC["1220"], "80" * 10])
def test_what_is_no_known_multihash_is_named(abc: Path, checksum: str) -> None:
    with pytest.raises(DataError, match=r"item a, asset B02: file:checksum .* sha256"):
        verify(abc, checksum, "item a, asset B02")


def test_a_digest_of_another_length_is_named(abc: Path) -> None:
    with pytest.raises(DataError, match="31 bytes of 32"):
        verify(abc, "1220" + ABC["1220"][:-2], "item a, asset B02")


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="item a, asset B02: cannot read"):
        verify(tmp_path / "gone", "1220" + ABC["1220"], "item a, asset B02")


def test_a_reader_verifies_what_the_catalog_records(tmp_path: Path) -> None:
    """Pixels that decode, but are not those that were published."""
    writer = CatalogWriter(tmp_path)
    item = writer.sentinel2("first", "2021-06-10T03:00:00Z", np.full((64, 64), 2000, np.uint16))
    path = tmp_path / "sentinel-2-l2a/first/B02.tif"
    item["assets"]["B02"]["file:checksum"] = f"1220{hashlib.sha256(path.read_bytes()).hexdigest()}"
    survey = survey_over(writer.write())
    (found,) = frozen(survey, survey_grid(survey)).found
    asset = found.assets["B02"]
    assert asset.checksum == item["assets"]["B02"]["file:checksum"]
    assert found.assets["B03"].checksum is None
    reader = open_reader("stackstac", locator_of(survey))
    box = NativeGrid.of(asset).geobox(Window(0, 8, 0, 8))
    assert (reader.read([found], ["B02", "B03"], box) == 2000).all()
    other = path.with_name("B03.tif").read_bytes()
    path.write_bytes(other + b"\0")
    assert (reader.read([found], ["B03"], box) == 2000).all()
    with pytest.raises(DataError, match=r"item first, asset B02: .*file:checksum"):
        reader.read([found], ["B02", "B03"], box)
