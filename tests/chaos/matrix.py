"""The same survey on other machines, engines and settings of work: are its bytes the same?

    PYTHONPATH=pipeline:tests python -m chaos.matrix --cells "two threads" --out CHAOS.md

Each cell is a fresh run, in a process of its own, on a small simulated district; the first is what
the others are compared with. Processors are imitated by what numerical libraries ask for.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from chaos.differences import RASTERS, differences
from chaos.processors import AVX2, PLAIN, check_imitation
from chaos.tallies import keep_section
from minecover.demo.district import build_district
from minecover.stages.registry import stages_of
from minecover.survey import load
from minecover.workflow.progress import Silent
from minecover.workflow.run import Run
from services.runs import memory

__all__ = ["CELLS", "Cell", "run_cell"]

Sections = Mapping[str, Any]
LOCAL = {"tiles": "local", "prediction": "local", "training": "local", "workers": 1}
MODELS = ("rf", "resnet50", "nb", "knn", "svm", "ann")
EVERYWHERE = ("rf", "resnet50")
"""Models that are run in every way; the others on other processors alone."""


@dataclass(frozen=True)
class Cell:
    """One way to run the survey.

    Attributes
    ----------
    environment
        Variables of its process.
    engine
        Changes of that section.
    change
        Changes the copy of the district's folder that it runs on.
    models
        Which are run in this way.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    engine: Sections = field(default_factory=dict)
    change: Callable[[Path], None] = lambda folder: None
    models: Sequence[str] = EVERYWHERE


def _shuffled_items(folder: Path) -> None:
    """Links of every collection in another order."""
    for path in folder.rglob("collection.json"):
        document = json.loads(path.read_text())
        random.Random(1).shuffle(document["links"])
        path.write_text(json.dumps(document))


def _shuffled_keys(folder: Path) -> None:
    """Sections of the survey file, and keys in each, from the last to the first."""
    _rewrite(folder, lambda key, value: True)


def _shuffled_seasons(folder: Path) -> None:
    """Seasons alone."""
    _rewrite(folder, lambda key, value: key == "seasons")


def _rewrite(folder: Path, wanted: Callable[[str, Any], bool]) -> None:
    path = folder / "survey.yaml"
    document = yaml.safe_load(path.read_text())
    seasons = document["seasons"]
    for key, value in document.items():
        if isinstance(value, dict) and wanted(key, value) and value is not seasons:
            document[key] = dict(reversed(value.items()))
    if not wanted("area", None):
        document["seasons"] = dict(reversed(seasons.items()))
    else:
        document = dict(reversed(document.items()))
    path.write_text(yaml.safe_dump(document, sort_keys=False))


def _two_seasons(folder: Path) -> None:
    """Have the district observed in spring and summer alone, which takes half of the time."""
    path = folder / "survey.yaml"
    document = yaml.safe_load(path.read_text())
    document["seasons"] = {name: document["seasons"][name] for name in ("spring", "summer")}
    path.write_text(yaml.safe_dump(document, sort_keys=False))


FIRST = "the first run"

LONGEST = 3600
"""Seconds that a run may take on a crowded machine."""

CELLS = {
    FIRST: Cell(),
    "again, in another folder": Cell(),
    "two threads": Cell(engine={"threads": 2}),
    "Dask, two workers": Cell(engine={"tiles": "dask", "workers": 2}),
    "Ray, two workers": Cell(engine={"prediction": "ray", "workers": 2}),
    "trained on Ray, read on Ray": Cell(
        engine={"training": "ray", "prediction": "ray", "workers": 2}, models=("resnet50",)
    ),
    "half of the memory": Cell(environment={"MINECOVER_MATRIX_MEMORY": "0.5"}),
    "items in another order": Cell(change=_shuffled_items),
    "keys of the survey in another order": Cell(change=_shuffled_keys),
    "seasons in another order": Cell(change=_shuffled_seasons),
    "a processor with AVX2": Cell(environment=AVX2, models=MODELS),
    "a processor without AVX": Cell(environment=PLAIN, models=MODELS),
}


def run_cell(district: Path, folder: Path, cell: Cell, model: str) -> Path:
    """Run the survey of a district as a cell says, in an empty folder; its store."""
    shutil.copytree(district, folder)
    cell.change(folder)
    settings = {"engine": {**LOCAL, **cell.engine}, "model": model}
    subprocess.run(
        [sys.executable, __file__, "--one", str(folder), "--settings", json.dumps(settings)],
        env={**os.environ, **cell.environment}, check=True, stdout=subprocess.DEVNULL,
        timeout=LONGEST,
    )  # fmt: skip
    return folder / "store"


def _compared(
    district: Path, folder: Path, cell: Cell, model: str, first: Path
) -> dict[str, str] | str:
    """Run a cell, and say what differs from the first run of its model; or why it did not run."""
    try:
        return differences(run_cell(district, folder, cell, model), first)
    except subprocess.TimeoutExpired:
        return f"not run: it did not end within {LONGEST} s"
    except subprocess.CalledProcessError as error:
        return f"not run: exit code {error.returncode}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(folder: Path, settings: Sections) -> None:
    """Run in this process; with less memory where a cell says so."""
    share = float(os.environ.get("MINECOVER_MATRIX_MEMORY", 1))
    if share < 1:
        import psutil

        real = psutil.virtual_memory

        def less() -> Any:
            found = real()
            return found._replace(available=int(share * found.available))

        psutil.virtual_memory = less
    survey = load(folder / "survey.yaml", store=str(folder / "store")).replace(
        grid__tile=64,
        engine=settings["engine"],
        model={"kind": settings["model"], "epochs": 2, "window": 9}
        if settings["model"] == "resnet50"
        else {"kind": settings["model"]},
        selection={"keep": 10, "trees": 20},
        samples__folds=2,
    )
    Run(survey, stages_of(survey), Silent()).until("publish")
    check_imitation()


def table(found: Mapping[tuple[str, str], dict[str, str] | str], ran: str) -> str:
    """Say what was the same, in Markdown."""
    names = ("minecover", "numpy", "numba", "scikit-learn", "scipy", "torch", "rasterio", "zarr")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    lines = [
        "A simulated district of 96 x 96 pixels and two seasons, from catalog to report, once in "
        "each way; every "
        "object of the cube, the features and the map, and every file of `products/`, against "
        f"those of the first run. `python -m chaos.matrix`: {ran}, {_processor()}, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}, {versions}.",
        "",
        "| run | model | other bytes |",
        "|---|---|---|",
    ]
    for (cell, model), said in found.items():
        lines.append(f"| {cell} | {model} | {said if isinstance(said, str) else _row(said)} |")
    return "\n".join([*lines, ""])


def _row(said: Mapping[str, str]) -> str:
    rasters = [name for name in RASTERS if any(file.startswith(name) for file in said)]
    products = [
        f"{file.removeprefix('products/')} ({how})"
        for file, how in said.items()
        if file.startswith("products/")
    ]
    return ", ".join([*rasters, *products]) or "none"


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.machine()
    names = [line.partition(": ")[2] for line in text.splitlines() if line.startswith("model name")]
    widest = "AVX-512" if " avx512f" in text else "AVX2" if " avx2" in text else "no AVX2"
    return f"{names[0] if names else platform.machine()} ({widest})"


def main() -> int:
    """Run the matrix; what differs is told and is no failure, as some of it is known to."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--cells", nargs="*", default=list(CELLS), help="by their names")
    parser.add_argument("--models", nargs="*", default=list(MODELS))
    parser.add_argument("--seconds", type=float, default=3600, help="after which none is begun")
    parser.add_argument("--out", type=Path, help="Markdown of which one section is replaced")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--settings", type=json.loads, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        _run(given.one, given.settings)
        return 0
    begun, found = time.monotonic(), dict[tuple[str, str], dict[str, str] | str]()
    with tempfile.TemporaryDirectory(prefix="matrix-", dir=memory()) as scratch:
        district = Path(scratch) / "district"
        build_district(district, size=96, points_scale=4)
        _two_seasons(district)
        for model in given.models:
            names = [n for n in given.cells if n != FIRST and model in CELLS[n].models]
            first = run_cell(district, Path(scratch) / f"{model}-first", CELLS[FIRST], model)
            for name in names:
                if time.monotonic() - begun > given.seconds:
                    found[name, model] = "not run: the time was over"
                    continue
                place = Path(scratch) / f"{model} in another folder"
                found[name, model] = _compared(district, place, CELLS[name], model, first)
                print(name, model, found[name, model], flush=True)
    text = table(found, f"{time.monotonic() - begun:.0f} s")
    if given.out:
        keep_section(given.out, "The same bytes", text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
