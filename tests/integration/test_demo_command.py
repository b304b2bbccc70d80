"""`minecover demo` at small size, as a person runs it: Dask, ResNet50, and what it prints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import rasterio

pytestmark = pytest.mark.timeout(900)


def test_the_demo_maps_a_simulated_district_and_says_so(tmp_path: Path) -> None:
    ran = subprocess.run(
        [
            sys.executable,
            "-c",
            "from minecover.commands.app import main; main()",
            "demo",
            "d",
            "--size=128",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "100", "NO_COLOR": "1"},
    )
    assert ran.returncode == 0, ran.stderr
    products = tmp_path / "d" / "store" / "products"
    assert "simulated: no satellite saw this district" in ran.stdout
    assert f"{products}/report.html" in ran.stdout
    accuracy = json.loads((products / "accuracy.json").read_text())
    blocked = accuracy["splits"]["spatial_blocks"]
    assert f"overall accuracy {blocked['overall_accuracy']:.4f}" in ran.stdout
    assert blocked["overall_accuracy"] > 0.8
    assert "SIMULATED DATA" in (products / "report.html").read_text()
    with rasterio.open(products / "landuse.tif") as file:
        assert file.shape == (128, 128)
        assert set(file.read(1).flat) <= set(range(1, 7))
