"""Estimators as bytes that depend on nothing but the estimator."""

from __future__ import annotations

import io
import re
import sys
import zipfile
from collections.abc import Iterator
from importlib import import_module
from itertools import count
from types import ModuleType

from sklearn.base import BaseEstimator

__all__ = ["estimator_bytes", "skops_io"]

TORCH_FACE = "sklearn.externals.array_api_compat.torch"
"""Module of scikit-learn that imports torch."""

SCHEMA = "schema.json"

NUMBER = re.compile(r'(?<="__id__": )\d+|(?<=")\d+(?=\.np[yz]")')
"""What skops identifies objects and arrays by: their addresses in memory."""

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip file knows."""


def skops_io() -> ModuleType:
    """Import `skops.io`, but not torch with it.

    To list all estimators it imports every module of scikit-learn that can be imported, the one
    that brings torch among them, which takes seconds and is not needed for any.
    """
    if TORCH_FACE in sys.modules:
        return import_module("skops.io")
    sys.modules[TORCH_FACE] = None  # type: ignore[assignment]  # cannot be imported, then
    try:
        return import_module("skops.io")
    finally:
        del sys.modules[TORCH_FACE]


def estimator_bytes(estimator: BaseEstimator) -> bytes:
    """Serialise an estimator with skops; equal estimators are equal bytes.

    skops numbers objects by their address in memory and stamps its files with the time: here they
    are numbered in the order in which they come, without a time.
    """
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(skops_io().dumps(estimator))) as given,
        zipfile.ZipFile(target, "w") as written,
    ):
        numbers = _numbers(given.read(SCHEMA).decode())
        names = {name: _renumbered(name, numbers) for name in given.namelist()}
        for name in sorted(names, key=lambda old: names[old].zfill(24)):
            data = given.read(name)
            if name == SCHEMA:
                data = NUMBER.sub(lambda found: numbers[found[0]], data.decode()).encode()
            written.writestr(zipfile.ZipInfo(names[name], EPOCH), data)
    return target.getvalue()


def _numbers(schema: str) -> dict[str, str]:
    """Each address, and its place in the order of first appearance."""
    order: Iterator[int] = count(1)
    numbers: dict[str, str] = {}
    for found in NUMBER.finditer(schema):
        if found[0] not in numbers:
            numbers[found[0]] = str(next(order))
    return numbers


def _renumbered(name: str, numbers: dict[str, str]) -> str:
    stem, dot, suffix = name.partition(".")
    return numbers.get(stem, stem) + dot + suffix
