"""What the fingerprints of the real stages are made of: files by content, and all numeric code."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import minecover
from _catalogs import CatalogWriter, survey_over, write_raster
from minecover.errors import SurveyError
from minecover.planning.actual import actuals
from minecover.stages.registry import STAGES, stages_of
from minecover.survey import Survey
from minecover.workflow.progress import Silent
from minecover.workflow.run import Run

ROOT = Path(minecover.__file__).parent

CARRIES = (
    "__init__.py", "arrays.py", "commands", "engines", "errors.py", "faults.py",
    "geography/settings.py", "ledger", "registry.py", "settings.py",
    "stages/learning_cost.py", "stages/registry.py", "transitions/network_settings.py", "workflow",
    *(f"storage/{name}.py" for name in (
        "bucket", "canonical_json", "checksums", "cleanup", "damage", "durable", "fingerprint",
        "identity", "metering", "names", "s3", "store",
    )),
)  # fmt: skip
"""Modules that carry bytes, say who does what when, hold settings whose values are in
fingerprints, say what work costs, or raise, but decide no byte."""

APART = {
    **dict.fromkeys((stage.name for stage in STAGES), ("survey",)),
    # which arrays the cube has, not which items are read
    "catalog": ("survey", "storage/raster_array.py"),
    # it learns without labels; which periods have any is in its fingerprint
    "pretrain": (
        "survey",
        "stages/fitting.py",
        "stages/labelled.py",
        "samples",
        "accuracy/calibration.py",
    ),
    # window and settings of the model are among their sections
    "samples": ("survey", "models"),
    # what the report tells of time and money differs from run to run anyway
    "publish": ("survey", "planning"),
}
"""By stage what its code imports for other ends; of `survey` the sections are in fingerprints."""


def files(*places: str) -> set[Path]:
    found = set()
    for place in places:
        path = ROOT / place
        assert path.exists(), place
        found |= set(path.rglob("*.py")) if path.is_dir() else {path}
    return found


def imports(path: Path) -> Iterator[Path]:
    """Modules of minecover that a module imports, also inside functions; not for types alone."""
    waiting: list[ast.AST] = [ast.parse(path.read_text())]
    while waiting:
        node = waiting.pop()
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            if name.partition(".")[0] == "minecover":
                place = ROOT.parent.joinpath(*name.split("."))
                yield from (
                    p for p in (place / "__init__.py", place.with_suffix(".py")) if p.exists()
                )
        types = isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        waiting += [] if types else ast.iter_child_nodes(node)


def test_every_module_that_decides_bytes_is_in_a_fingerprint() -> None:
    covered: set[Path] = set()
    for stage in STAGES:
        own = files(*stage.code)
        covered |= own  # a fingerprint is made of that of the stage before
        passed = files(*CARRIES, *APART[stage.name]) - own
        seen: set[Path] = set()
        waiting = list(own)
        while waiting:
            path = waiting.pop()
            if path not in seen and path not in passed:
                seen.add(path)
                waiting += imports(path)
        missing = sorted(str(path.relative_to(ROOT)) for path in seen - covered)
        assert not missing, f"{stage.name}: add {missing} to its code, or say why not"


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    folder = tmp_path / "inputs"
    writer = CatalogWriter(folder)
    writer.sentinel2("first", "2021-06-01T03:00:00Z", np.full((64, 64), 2000, np.uint16))
    writer.write()
    for name in ("dem", "lights"):
        write_raster(folder / f"{name}.tif", np.ones((64, 64), np.float32))
    return folder


def survey_in(folder: Path) -> Survey:
    sources = {
        "terrain": {"path": str(folder / "dem.tif")},
        "night_lights": {"path": str(folder / "lights.tif")},
    }
    store = str(folder.parent / "store")
    return survey_over(folder / "catalog.json", sources=sources, store=store)


def mark_of(survey: Survey) -> str:
    return Run(survey, stages_of(survey), Silent()).fingerprint("catalog")


def test_the_same_survey_in_another_folder_is_the_same(inputs: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(inputs, tmp_path / "pods" / "inputs")
    assert mark_of(survey_in(inputs)) == mark_of(survey_in(moved))


def test_seasons_in_another_order_are_another_survey_and_other_keys_are_not(inputs: Path) -> None:
    seasons = {"spring": ["2021-03-01/2021-05-31"], "summer": ["2021-06-01/2021-08-31"]}
    survey = survey_in(inputs).replace(seasons=seasons)
    dates = dict(reversed(seasons.items()))
    assert mark_of(survey.replace(seasons=dates)) != mark_of(survey)
    assert mark_of(Survey.model_validate(dict(reversed(survey.model_dump().items())))) == mark_of(
        survey
    )


@pytest.mark.parametrize("name", ["dem.tif", "lights.tif", "catalog.json"])
def test_other_files_are_another_survey(inputs: Path, name: str) -> None:
    survey = survey_in(inputs)
    before = mark_of(survey)
    (inputs / name).write_bytes((inputs / name).read_bytes() + b"\n")
    assert mark_of(survey) != before


def test_a_signature_is_not_part_of_it(inputs: Path) -> None:
    url = "https://host/stac?collection=a"
    plain = survey_over(url, sources={"terrain": {"path": "https://host/dem.tif"}})
    signed = survey_over(
        f"{url}&token=1", sources={"terrain": {"path": "https://host/dem.tif?se=1&sig=1"}}
    )
    assert mark_of(plain) == mark_of(signed)
    assert mark_of(plain) != mark_of(survey_over(url))


def test_a_file_that_is_gone_is_named_with_its_setting(inputs: Path) -> None:
    survey = survey_in(inputs)
    (inputs / "lights.tif").unlink()
    with pytest.raises(
        SurveyError, match=r"sources\.night_lights\.path: cannot read .*lights\.tif"
    ):
        mark_of(survey)
    assert actuals(Run(survey, stages_of(survey), Silent())) == {}  # a plan is made without it
