"""A package of a stranger adds one thing at each door; a survey that uses all of them runs.

Nothing of minecover knows the package: it is found by its entry points, as an installed one is.
"""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import yaml

import minecover as mc
from _catalogs import BANDS, EPSG, LEFT, TOP, CatalogWriter, whole_of
from minecover.arrays import Int64Array
from minecover.storage.store import Store
from services.forked_minecover import forked_minecover

pytestmark = pytest.mark.integration

INSTALLED = Path(__file__).parent / "installed"
"""As a folder of installed packages: not on the path of other tests, as this one is."""
SIZE, BLOCK = 96, 12
CLASSES = ("ground", "mine", "water")
S2 = {"ground": (0.06, 0.35, 0.20), "mine": (0.20, 0.28, 0.34), "water": (0.05, 0.03, 0.02)}
"""Reflectance of the visible bands, the near infrared and the short-wave infrared."""
CLOUD = slice(40, 46)
"""Rows and columns of a white cloud on the first date."""
DATES = ("2021-04-10", "2021-05-12", "2021-07-05", "2021-08-09")
SEASONS = {"spring": ["2021-03-01/2021-05-31"], "summer": ["2021-06-01/2021-08-31"]}


def ground_truth() -> Int64Array:
    """Class of every pixel of 10 m, 0 to 2, in blocks."""
    count = SIZE // BLOCK
    blocks = np.add.outer(np.arange(count), 2 * np.arange(count)) % len(CLASSES)
    return np.kron(blocks, np.ones((BLOCK, BLOCK), np.int64))


def image(truth: npt.NDArray[Any], part: int, rng: np.random.Generator) -> npt.NDArray[Any]:
    values = np.array([S2[name][part] for name in CLASSES])[truth]
    return np.clip(values + rng.normal(0, 0.01, truth.shape), 0.001, 1)


def write_catalog(folder: Path) -> Path:
    """Sentinel-2 at 10 m and a second sensor at 30 m, which sees clouds on one date."""
    rng, truth, writer = np.random.default_rng(7), ground_truth(), CatalogWriter(folder)
    coarse = truth[1::3, 1::3]
    for number, day in enumerate(DATES):
        parts = [0, 0, 0, 1, 1, 1, 1, 1, 2, 2]
        rasters = {
            band: (1e4 * image(truth, part, rng)).astype(np.uint16)
            for band, part in zip(BANDS, parts, strict=True)
        }
        if number == 0:  # a white cloud, which no classification tells
            for band in BANDS:
                rasters[band][CLOUD, CLOUD] = 8000
        writer.sentinel2(f"s2-{number}", f"{day}T03:00:00Z", rasters["B02"], rasters=rasters)
        names = {"blue": 0, "green": 0, "red": 0, "nir08": 1}
        numbers = {
            name: ((image(coarse, part, rng) + 0.2) / 2.75e-5).astype(np.uint16)
            for name, part in names.items()
        }
        numbers["qa_pixel"] = np.full(coarse.shape, 0b1000 if number == 0 else 0b1000000, np.uint16)
        writer.item(
            "landsat-c2-l2", f"l8-{number}", f"{day}T03:20:00Z", numbers, pixels=30.0,
            platform="landsat-8",
        )  # fmt: skip
    return writer.write()


def write_points(path: Path) -> None:
    truth = ground_truth()
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["x", "y", "class"])
        for row in range(4, SIZE, 6):
            for column in range(3, SIZE, 6):
                name = CLASSES[truth[row, column]]
                table.writerow([LEFT + 10 * column + 5, TOP - 10 * row - 5, name])


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("doors")
    catalog = write_catalog(folder / "catalog")
    write_points(folder / "points.csv")
    colours = ("#4c9a2a", "#5b4b8a", "#2f6fb0")
    document = {
        "name": "doors",
        "area": {
            "bbox": [LEFT, TOP - 10 * SIZE, LEFT + 10 * SIZE, TOP],
            "crs": f"EPSG:{EPSG}",
        },
        "grid": {"crs": f"EPSG:{EPSG}", "tile": 64},
        "seasons": SEASONS,
        "catalog": {"url": str(catalog)},
        "sources": {
            "sentinel2": {"scl": None, "cloud_masks": {"white_clouds": {"least": 0.7}}},
            "landsat": {"max_cloud_cover": 90},
        },
        "features": {
            "indices": ["NDVI", "EVI", "NDWI", "LSWI", "NDBI", "RRI", "NDRI", "BSI"],
            "texture_window": 3,
        },
        "classes": [
            {"code": code, "name": name, "colour": colour, "mine": name == "mine"}
            for code, (name, colour) in enumerate(zip(CLASSES, colours, strict=True), start=1)
        ],
        "samples": {
            "path": str(folder / "points.csv"), "crs": f"EPSG:{EPSG}", "folds": 3, "block": 120,
        },
        "selection": {"keep": 12, "trees": 20},
        "model": {"kind": "centroids", "options": {"sharpness": 2.0}},
        "products": ["landuse", "legend", "mines", "accuracy", "report", "item", "areas_table"],
        "stages": {"pits": {"smallest": 10}},
        "engine": {"tiles": "dask", "prediction": "local", "workers": 1},
        "store": str(folder / "store"),
    }  # fmt: skip
    path = folder / "survey.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return path


Minecover = Callable[..., str]


@pytest.fixture(scope="module")
def minecover() -> Iterator[Minecover]:
    """Run a command with the stranger's package installed; what it printed."""
    paths = (INSTALLED, Path(mc.__file__).parents[1])
    variables = {"PYTHONPATH": os.pathsep.join(map(str, paths)), "COLUMNS": "200"}

    def run(*arguments: str) -> str:
        ran = subprocess.run(
            [program, *arguments], env=os.environ | variables, capture_output=True, text=True
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout + ran.stderr

    with forked_minecover(**variables) as program:
        yield run


@pytest.fixture(scope="module")
def store(survey: Path, minecover: Minecover) -> Store:
    """The store of the finished run."""
    minecover("run", str(survey))
    return Store(str(survey.parent / "store"))


def test_check_knows_the_source_and_the_points(survey: Path, minecover: Minecover) -> None:
    lines = minecover("check", str(survey))
    assert "landsat: items spring 2, summer 2" in lines
    assert "256 points usable" in lines


def test_without_the_package_each_name_is_refused_with_those_there_are(survey: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", "from minecover.commands.app import main; main()", "check", survey],
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 2
    assert "landsat" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_the_plan_has_the_stage_and_says_what_was_not_measured(
    survey: Path, minecover: Minecover
) -> None:
    plan = json.loads(minecover("plan", "--json", str(survey)))
    stages = [stage["stage"] for stage in plan["stages"]]
    assert stages[stages.index("predict") + 1] == "pits"
    assert any("centroids" in line for line in plan["assumptions"])
    assert any("pits" in line for line in plan["assumptions"])


def test_cube_and_features_have_its_layers(store: Store) -> None:
    cube, features = store.layers("cube.zarr"), store.layers("features.zarr")
    assert {"spring_L5", "summer_LCLEAR"} <= set(cube.names)
    assert {"spring_BSI", "summer_BSI", "summer_L5"} <= set(features.names)
    assert not {"summer_LCLEAR"} & set(features.names)
    whole = whole_of(features)
    layer = dict(zip(features.names, np.asarray(whole), strict=True))
    swir, red, nir, blue = (layer[f"summer_{name}"] for name in ("B11", "B4", "B8", "B2"))
    bare = (swir + red - nir - blue) / (swir + red + nir + blue)
    np.testing.assert_allclose(layer["summer_BSI"], bare, atol=1e-6)
    count = whole_of(cube)[cube.names.index("spring_LCLEAR")]
    assert count.max() == 1  # one of two dates is cloudy
    clear = whole_of(cube)[cube.names.index("spring_CLEAR")]
    expected = np.full(clear.shape, 2)
    expected[39:47, 39:47] = 1  # its mask takes out the cloud and its neighbours
    assert np.array_equal(clear, expected)


def test_selection_ranks_its_layers_and_the_series_are_whole(store: Store) -> None:
    selection = store.read_json("selection.json")
    assert {"summer_BSI", "summer_L5"} <= set(selection["names"])
    layers = store.read_json("model/model.json")["layers"]
    of = {name: {layer.removeprefix(f"{name}_") for layer in layers if layer.startswith(name)}
          for name in SEASONS}  # fmt: skip
    assert of["spring"] == of["summer"] != set()


def test_the_map_is_right(store: Store) -> None:
    landuse = whole_of(store.layers("map.zarr"))[0]
    truth = ground_truth() + 1
    assert (landuse == truth).mean() > 0.9
    accuracy = store.read_json("accuracy.json")["splits"]["spatial_blocks"]
    assert accuracy["overall_accuracy"] > 0.9


def test_its_stage_ran_after_the_prediction(
    store: Store, survey: Path, minecover: Minecover
) -> None:
    mines = int((ground_truth() == CLASSES.index("mine")).sum())
    assert abs(sum(store.read_json("pits.json").values()) - mines) < 0.1 * mines
    status = json.loads(minecover("status", "--json", str(survey)))
    assert {s["stage"]: s["state"] for s in status["stages"]}["pits"] == "done"
    assert "pits" in minecover("--help")


def test_its_product_is_published_and_described(store: Store) -> None:
    rows = (store.read("products/areas.csv") or b"").decode().splitlines()
    assert rows[0] == "class,hectares"
    hectares = {name: float(area) for name, area in (row.split(",") for row in rows[1:])}
    assert sum(hectares.values()) == pytest.approx(SIZE**2 / 100, rel=0.01)
    item = json.loads(store.read("products/item.json") or b"")
    assert item["assets"]["areas"]["type"] == "text/csv"
    report = (store.read("products/report.html") or b"").decode()
    assert "nearest mean series" in report


def test_a_run_again_finds_everything_done(
    store: Store, survey: Path, minecover: Minecover
) -> None:
    del store
    assert "pits" in minecover("run", str(survey))


def test_it_is_compared(store: Store, survey: Path, minecover: Minecover) -> None:
    minecover(
        "compare", str(survey), "--seeds", "1", "--folds", "1", "--models", "centroids,nb",
        "--sets", "all,both", "--no-ablation",
    )  # fmt: skip
    page = (store.read("products/comparison.html") or b"").decode()
    assert "nearest mean series" in page


def test_manifests_have_its_stage(survey: Path, tmp_path: Path, minecover: Minecover) -> None:
    document = yaml.safe_load(survey.read_text())
    document["catalog"]["url"] = "https://example.org/stac"
    path = tmp_path / "survey.yaml"
    path.write_text(yaml.safe_dump(document))
    printed = minecover(
        "manifests", str(path), "--store", "s3://bucket/doors", "--out", str(tmp_path / "out"),
        "--image", "registry.example/minecover:1", "--overlay", "one-machine",
    )  # fmt: skip
    package = re.search(r"the image must contain the package stranger, used by (.*)", printed)
    assert package
    assert {"catalog", "train", "pits", "publish"} <= set(package[1].split(", "))
    job = (tmp_path / "out" / "base" / "pits.yaml").read_text()
    assert "args: [minecover, pits, /survey/survey.yaml" in job
    steps = re.search(r"for step in (.*); do", (tmp_path / "out" / "run.sh").read_text())
    assert steps
    assert " predict pits assess " in steps[1]


def test_each_door_is_one_file() -> None:
    files = {path.name for path in (INSTALLED / "stranger").glob("*.py")} - {"__init__.py"}
    points = (INSTALLED / "stranger-1.0.dist-info" / "entry_points.txt").read_text()
    assert len(files) == points.count("stranger.") == 6
