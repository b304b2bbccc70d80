"""A whole survey of images in a folder, from the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
import yaml
from typer.testing import CliRunner

from _catalogs import EPSG, LEFT, TOP
from _images import ORDER, SIZE, write_image
from minecover.commands.app import app

pytestmark = [
    pytest.mark.integration,
    # odc-geo 0.5 still calls a function that shapely 2.2 deprecates
    pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning"),
]

DATES = ("2023-07-01", "2024-01-05")


def write_files(folder: Path) -> None:
    """Write two dates of a bright mine, east, and of dark ground: with noise, one file a date."""
    rng = np.random.default_rng(7)
    for date in DATES:
        mine = np.broadcast_to(np.arange(SIZE) >= SIZE // 2, (SIZE, SIZE))
        ground = np.stack([np.where(mine, 3000, 800 + 50 * n) for n in range(len(ORDER))])
        dn = ground + 1000 + rng.normal(0, 60, ground.shape)
        write_image(folder / f"{date}.tif", list(dn.astype(np.uint16)), ORDER, nodata=0)


def write_survey(folder: Path) -> Path:
    rng = np.random.default_rng(8)
    x, y = LEFT + rng.uniform(60, 580, 120), TOP - rng.uniform(60, 580, 120)
    classes = np.where(x >= LEFT + 320, "mining", "other")
    lon, lat = pyproj.Transformer.from_crs(EPSG, 4326, always_xy=True).transform(x, y)
    rows = (f"{a},{b},{name}" for a, b, name in zip(lon, lat, classes, strict=True))
    (folder / "points.csv").write_text("\n".join(["x,y,class", *rows]))
    survey = {
        "name": "files",
        "area": {"bbox": [LEFT, TOP - 640, LEFT + 640, TOP], "crs": f"EPSG:{EPSG}"},
        "grid": {"crs": f"EPSG:{EPSG}", "tile": 64},
        "seasons": {"summer": ["2023-06-01/2023-08-31"], "winter": ["2023-12-01/2024-02-28"]},
        "catalog": {"url": "images/catalog.json"},
        "sources": {"sentinel2": {"scl": None}},
        "classes": [
            {"code": 1, "name": "mining", "colour": "#5b4b8a", "mine": True},
            {"code": 2, "name": "other", "colour": "#4c9a2a"},
        ],
        "samples": {
            "path": "points.csv",
            "column": "class",
            "crs": "EPSG:4326",
            "block": 160,
            "folds": 2,
        },
        "engine": {"tiles": "local", "prediction": "local", "training": "local"},
        "model": {"kind": "nb"},
        "selection": {"method": "forest", "keep": 12, "trees": 10},
    }
    (folder / "survey.yaml").write_text(yaml.safe_dump(survey))
    return folder / "survey.yaml"


def test_images_of_a_folder_are_mapped(tmp_path: Path) -> None:
    write_files(tmp_path / "images")
    survey, run = write_survey(tmp_path), CliRunner().invoke
    made = run(app, ["catalog", "from-files", str(tmp_path / "images"), "--offset", "-1000"])
    assert made.exit_code == 0, made.output
    assert "sentinel-2-l2a: 2 scenes, 2023-07-01 to 2024-01-05" in made.output
    assert "sentinel2: {scl: null}" in made.output
    ran = run(app, ["run", str(survey)])
    assert ran.exit_code == 0, ran.output
    with rasterio.open(tmp_path / "store/products/landuse.tif") as file:
        codes = file.read(1)
    assert (codes[:, : SIZE // 2] == 2).mean() > 0.99
    assert (codes[:, SIZE // 2 :] == 1).mean() > 0.99
