"""What two runs of a survey left: which files differ, and by how much."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

__all__ = ["RASTERS", "differences"]

RASTERS = ("cube.zarr", "features.zarr", "map.zarr")


def differences(found: Path, expected: Path) -> dict[str, str]:
    """Say of each file of the rasters and products that differs, and by how much its numbers do."""
    said = {}
    for name in (*RASTERS, "products"):
        files = {
            path.relative_to(store)
            for store in (found, expected)
            for path in (store / name).rglob("*")
            if path.is_file()
        }
        for file in sorted(files):
            pair = [store / file for store in (found, expected)]
            if not all(path.is_file() for path in pair):
                said[str(file)] = "is not in both"
            elif pair[0].read_bytes() != pair[1].read_bytes():
                by_how_much = {".tif": _of_images, ".json": _of_documents}.get(file.suffix)
                said[str(file)] = by_how_much(*pair) if by_how_much else "differs"
    return said


def _of_images(found: Path, expected: Path) -> str:
    with rasterio.open(found) as one, rasterio.open(expected) as other:
        a, b = one.read().astype(np.float64), other.read().astype(np.float64)
    if a.shape != b.shape:
        return "has another shape"
    off = np.abs(a - b)
    return f"{np.count_nonzero(off > 0):,} of {off.size:,} values by up to {np.nanmax(off):.2g}"


def _of_documents(found: Path, expected: Path) -> str:
    a, b = (list(_leaves(json.loads(path.read_bytes()))) for path in (found, expected))
    if len(a) != len(b) or any(type(x) is not type(y) for x, y in zip(a, b, strict=True)):
        return "differs in more than numbers"
    pairs = [(x, y) for x, y in zip(a, b, strict=True) if x != y]
    if not all(isinstance(x, float) for x, _ in pairs):
        return "differs in more than fractions"
    return f"{len(pairs)} numbers by up to {max((abs(x - y) for x, y in pairs), default=0):.2g}"


def _leaves(document: Any) -> Any:
    """Values of a document, without names of keys."""
    if isinstance(document, dict | list):
        for value in document.values() if isinstance(document, dict) else document:
            yield from _leaves(value)
    else:
        yield document
