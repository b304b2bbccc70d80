"""A comparison of a simulated district, from nothing to its page, and again from what stands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Recorder  # type: ignore[import-not-found]
from minecover.comparison import Options, compare
from minecover.run import Run
from minecover.stages import STAGES
from minecover.survey import Survey

pytestmark = pytest.mark.integration

OPTIONS = Options(seeds=1, models=("rf", "knn", "nb"), folds=1)


def test_a_district_is_compared(make_survey: Callable[..., Survey], tmp_path: Path) -> None:
    survey = make_survey(
        tmp_path / "store", samples={"folds": 3, "block": 250.0}, model={"kind": "nb", "window": 5}
    )
    told: list[str] = []
    document = compare(
        Run(survey, Recorder(), STAGES), OPTIONS, lambda name, done, total: told.append(name)
    )
    done = [name for name in told if name]
    # two splits: three choices each, three models on four sets; the ablation adds four sources
    # and four seasons to the all-layers trial that is there already
    assert len(done) == 2 * 3 + 2 * 12 + 8
    products = tmp_path / "store" / "products"
    assert json.loads((products / "comparison.json").read_bytes()) == document
    page = (products / "comparison.html").read_text()
    assert "SIMULATED" in page
    by_chance = 1 / len(survey.classes)
    assert all(row["overall_accuracy"]["mean"] > by_chance for row in document["rows"])
    ranked = {row["model"]: row["overall_accuracy"]["mean"] for row in document["rows"]
              if (row["split"], row["layers"]) == ("random", "both")}  # fmt: skip
    assert ranked["rf"] > ranked["nb"]
    names = {item["left_out"] for item in document["ablation"]["without"]}
    assert names == {*survey.present_sources(), *survey.seasons}

    told.clear()
    again = compare(
        Run(survey, Recorder(), STAGES), OPTIONS, lambda name, done, total: told.append(name)
    )
    assert again == document
    assert not any(told)
