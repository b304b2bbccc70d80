"""Compiled code where neither the installation nor the home can be written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numba
import pytest
from numba.core import caching

from minecover.engines import compiled


@pytest.fixture(autouse=True)
def _read_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As numba finds an installation and a home that cannot be written."""
    own = [caching.UserProvidedCacheLocator]
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", own)
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    compiled._cache_folder.cache_clear()


def twice(number: int) -> int:
    return 2 * number


def test_compiled_code_is_kept_among_temporary_files(tmp_path: Path) -> None:
    assert compiled.compiled(twice)(21) == 42
    folder = tmp_path / f"minecover-numba-{os.getuid()}"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert list(folder.rglob("*.nbi"))


def test_a_folder_that_others_may_write_is_not_used(tmp_path: Path) -> None:
    open_to_all = tmp_path / f"minecover-numba-{os.getuid()}"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    assert compiled.compiled(twice)(21) == 42
    assert not list(open_to_all.iterdir())
    assert list(tmp_path.rglob("*.nbi"))
