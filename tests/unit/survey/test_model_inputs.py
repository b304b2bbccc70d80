"""What a model reads of the layers that were chosen."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from minecover.models.lookup import as_kind
from minecover.models.registry import MODELS
from minecover.planning.work import workload
from minecover.survey import load
from minecover.survey.grid import survey_grid
from minecover.survey.model_inputs import model_inputs
from series_model import PROFILE
from small_map import survey

SEASONS = {"spring": ["2021-03-01/2021-05-31"], "summer": ["2021-06-01/2021-08-31"]}


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_added", "_known"):
        monkeypatch.setattr(MODELS, name, dict(getattr(MODELS, name)))
    MODELS.register("profile", PROFILE)


def test_pixels_and_patches_are_read_of_the_chosen_layers() -> None:
    chosen = ("summer_NDVI", "spring_B8")
    forest = model_inputs(survey(model={"kind": "rf"}), chosen)
    assert (forest.layers, forest.window, forest.series) == (chosen, 1, None)
    network = model_inputs(survey(model={"window": 9}), chosen)
    assert (network.layers, network.window, network.series) == (chosen, 9, None)


def test_series_are_read_of_all_seasons_in_their_order() -> None:
    plan = survey(seasons=SEASONS, sources={"terrain": {}}, model={"kind": "profile"})
    chosen = ("summer_NDVI", "slope", "spring_B8")
    inputs = model_inputs(plan, chosen)
    assert inputs.layers == ("spring_NDVI", "summer_NDVI", "slope", "spring_B8", "summer_B8")
    assert inputs.window == 1
    assert inputs.series is not None
    assert inputs.series.seasons == ("spring", "summer")
    assert inputs.series.features == ("NDVI", "B8")
    assert inputs.series.static == ("slope",)
    lacking = model_inputs(plan, chosen, available={*chosen, "spring_NDVI"})
    assert lacking.layers == ("spring_NDVI", "summer_NDVI", "slope", "spring_B8")
    other = model_inputs(plan, chosen, model=as_kind(plan.model, "nb"))
    assert other.layers == chosen


def test_a_plan_counts_the_seasons_that_a_series_adds() -> None:
    plan = survey(seasons=SEASONS, model={"kind": "profile"}, selection={"keep": 5})
    work = workload(plan, survey_grid(plan))
    assert work.chosen == 10
    assert any("layers chosen: 10" in text for text in work.assumptions)


def test_a_file_among_the_options_is_looked_for_beside_the_survey(tmp_path: Path) -> None:
    plan = survey(model={"kind": "profile", "options": {"notes": "notes.txt"}})
    path = tmp_path / "survey.yaml"
    path.write_text(yaml.safe_dump(plan.model_dump(mode="json")))
    assert load(path).model.options["notes"] == str(tmp_path / "notes.txt")
