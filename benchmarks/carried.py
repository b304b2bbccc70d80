"""What a model loses in another SIMULATED district, and what a few labels there bring back.

A model learns in one district and maps three others: other relief, rocks, mines, weather and haze.
Each of them is also mapped by a model that learned there. Maps are compared with the simulated
truth, pixel by pixel. ``python -m benchmarks.carried FOLDER MODEL`` prints a table of CARRIED.md;
MODEL is a key of `MODELS`. Names of ways behind it, as ``carried recalibrated``, leave out others.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio

from minecover.accuracy.estimates import Estimates, estimates
from minecover.demo.district import build_district
from minecover.geography.grid import Window
from minecover.storage.store import Store
from minecover.survey import Survey, load
from minecover.survey.carried import with_model_of
from minecover.survey.grid import survey_grid
from minecover.workflow.progress import Silent
from minecover.workflow.run import run_survey

SIZE, SEEDS, FEW = 96, (0, 1, 2, 3), 10
"""Pixels, the districts of which the first is labelled, and labels a class in the others."""


SEASONS: dict[str, object] = {
    "kind": "seasons",
    "window": 7,
    "width": 0.5,
    "epochs": 40,
    "batch": 32,
}

MODELS: dict[str, dict[str, object]] = {
    "rf": {"kind": "rf"},
    "boosting": {"kind": "boosting"},
    "seasons": SEASONS,
    "pretrained": {**SEASONS, "pretraining": {"steps": 200}},
}
"""By name, what surveys have for `model`. What is pre-trained in the first district starts from
there wherever it is trained anew."""


def district(folder: Path, seed: int, model: str) -> Survey:
    """Build a district; give its survey, with samples in blocks of five folds."""
    place = folder / str(seed)
    if not (place / "survey.yaml").exists():
        build_district(place, size=SIZE, seed=seed, points_scale=4)
    return load(place / "survey.yaml").replace(
        engine__tiles="local",
        engine__prediction="local",
        engine__training="local",
        features__keep="all",
        grid__tile=64,
        model=MODELS[model],
        selection__keep=30,
        selection__trees=100,
        store=str(place / model),
    )


def with_few(survey: Survey) -> Survey:
    """Take a few samples of each class."""
    path = Path(survey.samples.paths[0])
    points = gpd.read_file(path)
    few = points.groupby("class").sample(FEW, random_state=0, replace=False)
    few.to_file(path.with_name("few.gpkg"), driver="GPKG")
    return survey.replace(samples__path=str(path.with_name("few.gpkg")), samples__folds=3)


def scored(survey: Survey, truth: Path) -> Estimates:
    """Map a survey and compare the map with the truth."""
    run_survey(survey, Silent(), "predict")
    grid = survey_grid(survey)
    layers = Store(survey.store).layers("map.zarr")
    mapped = layers.read(Window(0, grid.shape[0], 0, grid.shape[1]), ["landuse"])[0]
    with rasterio.open(truth) as opened:
        x, y = grid.centres(Window(0, grid.shape[0], 0, grid.shape[1]))
        rows, columns = rasterio.transform.rowcol(opened.transform, x.ravel(), y.ravel())
        inside = (np.array(rows) >= 0) & (np.array(rows) < opened.height)
        inside &= (np.array(columns) >= 0) & (np.array(columns) < opened.width)
        true = np.zeros(mapped.size, dtype=np.int64)
        values = opened.read(1)
        true[inside] = values[np.array(rows)[inside], np.array(columns)[inside]]
    seen = np.isfinite(mapped.ravel()) & (true > 0)
    return estimates(true[seen], mapped.ravel()[seen].astype(np.int64), survey.class_codes)


def rows(folder: Path, model: str, wanted: Sequence[str]) -> Iterator[tuple[int, dict[str, float]]]:
    """Give the macro-F1 of the wanted ways to map each district; none named: of all."""
    first = district(folder, SEEDS[0], model)
    run_survey(first, Silent(), "train")
    start = f"{first.store}/pretrained.safetensors" if first.model.pretraining else None
    for seed in SEEDS[1:]:
        own = district(folder, seed, model)
        carried = with_model_of(own, first.store)
        few = with_few(own)
        adapted = with_model_of(few, first.store)
        ways = {
            "trained there": own,
            "trained there by few": few.replace(store=f"{own.store}-few"),
            "carried": carried.replace(store=f"{own.store}-carried", model__adaptation="none"),
            "recalibrated": adapted.replace(store=f"{own.store}-adapted"),
            "retrained": adapted.replace(
                store=f"{own.store}-retrained",
                model__adaptation="retrain",
                model__starting_weights=start,
            ),
        }
        truth = folder / str(seed) / "truth.tif"
        chosen = {name: way for name, way in ways.items() if not wanted or name in wanted}
        yield seed, {name: scored(way, truth).macro_f1 or 0.0 for name, way in chosen.items()}


def main() -> None:
    """Print the table."""
    folder, model, *wanted = Path(sys.argv[1]), *(sys.argv[2:] or ["rf"])
    begun, found = time.process_time(), dict(rows(folder, model, wanted))
    names = list(next(iter(found.values())))
    print(f"| district | {' | '.join(names)} |\n| --- |{' --- |' * len(names)}")
    for seed, row in found.items():
        print(f"| {seed} | " + " | ".join(f"{row[name]:.3f}" for name in names) + " |")
    means = [np.mean([row[name] for row in found.values()]) for name in names]
    print("| mean | " + " | ".join(f"{mean:.3f}" for mean in means) + " |")
    print(f"\n{model}, {time.process_time() - begun:.0f} processor seconds")


if __name__ == "__main__":
    main()
