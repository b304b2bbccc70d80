"""What a model was made of, and what of another survey does not fit it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from minecover.errors import StoreError
from minecover.models.origin import Origin
from minecover.storage.names import ORIGIN_FILE
from minecover.storage.store import Store
from minecover.survey.carried import origin_of, with_model_of
from minecover.testing.stages import number_stages, tile_survey
from minecover.workflow.stage import Workspace
from minecover.workflow.store_owner import take_store

ORIGIN = Origin(
    survey="there",
    kind="rf",
    window=1,
    classes={"water": 7, "mine": 2},
    seasons={"summer": ["2022-06-01/2022-08-31"], "autumn": ["2022-09-01/2022-11-30"]},
    resolution=10.0,
    features={"texture_levels": 32, "ndri": "zhang2014"},
    texture_range=(0.05, 0.4),
    layers=("summer_NDVI", "autumn_NDVI", "slope"),
    points={"water": 20, "mine": 30},
)


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    origin = replace(ORIGIN, kind="voting", window=9, voters=(("rf", 1), ("resnet50", 9)))
    origin.save(store)
    read = Origin.load(store)
    assert read == origin
    assert list(read.classes) == ["water", "mine"]  # not by the alphabet
    assert list(read.seasons) == ["summer", "autumn"]


def test_a_vote_is_carried_with_the_kinds_and_windows_of_its_models(tmp_path: Path) -> None:
    settings = {"kind": "voting", "options": {"models": ["rf", {"kind": "seasons", "window": 7}]}}
    there = tile_survey(str(tmp_path / "there"), 4, 4).replace(model=settings)
    origin = origin_of(there)
    assert (origin.window, origin.voters) == (7, (("rf", 1), ("seasons", 7)))
    take_store(Workspace(there, number_stages()))
    origin.save(Store(there.store))
    here = with_model_of(tile_survey(str(tmp_path / "here"), 4, 4), there.store)
    assert list(origin.differences(origin_of(here), ())) == []
    other = here.replace(model__options={"models": ["rf", {"kind": "seasons", "window": 5}]})
    text = "rf of window 1, seasons of window 7 in the model, rf of window 1, seasons of window 5"
    assert any(text in line for line in origin.differences(origin_of(other), ()))


def test_a_store_without_one_says_what_to_do(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    with pytest.raises(StoreError, match="run `minecover train`"):
        Origin.load(store)
    store.write_json(ORIGIN_FILE, {"survey": "there"})
    with pytest.raises(StoreError, match="damaged"):
        Origin.load(store)
    replace(ORIGIN, shares={"water": 1.0}).save(store)
    with pytest.raises(StoreError, match="shares of other classes"):
        Origin.load(store)


def test_another_district_and_year_fits() -> None:
    here = replace(
        ORIGIN, survey="here", seasons={"summer": ["2024-06-01/2024-08-31"], "autumn": []},
        layers=(), points={}, texture_range=(0.0, 0.0),
    )  # fmt: skip
    assert list(ORIGIN.differences(here, [*ORIGIN.layers, "winter_NDVI"])) == []


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"kind": "resnet50"}, "model.kind: rf in the model, resnet50 here"),
        ({"window": 9}, "model.window: 1 in the model, 9 here"),
        ({"resolution": 20.0}, "grid.resolution: 10.0 in the model, 20.0 here"),
        ({"classes": {"mine": 2, "water": 7}}, "classes: 7 water, 2 mine in the model, 2 mine, 7"),
        ({"classes": {"water": 1, "mine": 2}}, "classes: 7 water, 2 mine in the model, 1 water"),
        (
            {"seasons": {"autumn": [], "summer": []}},
            "seasons: summer, autumn in the model, autumn, summer here",
        ),
        (
            {"voters": (("rf", 1), ("resnet50", 9))},
            "model.options.models: none in the model, rf of window 1, resnet50 of window 9 here",
        ),
        ({"features": {"texture_levels": 16, "ndri": "zhang2014"}}, "features.texture_levels: 32"),
    ],
)
def test_what_differs_is_named(change: dict[str, object], text: str) -> None:
    (line,) = ORIGIN.differences(replace(ORIGIN, **change), ORIGIN.layers)  # type: ignore[arg-type]
    assert line.startswith(text)


def test_missing_layers_are_named_and_counted() -> None:
    many = replace(ORIGIN, layers=tuple(f"summer_B{n}" for n in range(9)))
    (line,) = many.differences(ORIGIN, ["summer_B0"])
    assert "reads summer_B1, " in line
    assert "and 2 more" in line
    (line,) = replace(ORIGIN, regions=3).differences(ORIGIN, ORIGIN.layers)
    assert "3 models" in line
