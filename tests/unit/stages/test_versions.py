"""The report names what a map was made with, also where a library is left out."""

from __future__ import annotations

import importlib.metadata

import pytest

from minecover.stages import publish


def test_a_library_that_is_not_installed_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "VERSIONS", ("numpy", "no-such-library", "zarr"))
    expected = {name: importlib.metadata.version(name) for name in ("numpy", "zarr")}
    assert dict(publish.installed_versions()) == expected
