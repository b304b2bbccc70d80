"""The benchmark of a GPU, tried on the CPU: no card has run it here."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from minecover.models.resnet50 import RESNET50

FILE = Path(__file__).parents[3] / "benchmarks" / "gpu.py"


def test_it_measures_and_says_what_share_of_the_matrix_rate_that_is() -> None:
    spec = importlib.util.spec_from_file_location("gpu_benchmark", FILE)
    assert spec is not None
    assert spec.loader is not None
    gpu = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = gpu
    try:
        spec.loader.exec_module(gpu)
        found = gpu.measure(gpu.TINY, ())
    finally:
        del sys.modules[spec.name]
    product, reading, training = found["results"]
    shape = RESNET50.planned_shape(gpu.TINY.model, gpu.LAYERS, gpu.CLASSES)
    multiplied, weights = shape.products(5)
    rate = 1e12 * product["rate"]
    assert reading["share"] == pytest.approx(2 * weights * reading["rate"] / rate)
    assert training["share"] == pytest.approx(6 * multiplied * training["rate"] / rate)
    assert found["device"] in ("cpu", "cuda") or "NVIDIA" in found["device"]
    lines = gpu.text(found).splitlines()
    assert sum(line.endswith(("| met |", "| missed |")) for line in lines) == 2
