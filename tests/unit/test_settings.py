"""Sections of a survey: replaced only by what was validated as a whole."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from minecover.errors import SurveyError
from minecover.features.settings import FeatureSettings
from minecover.models.settings import ModelSettings
from minecover.prediction.settings import PredictionSettings
from minecover.settings import given
from minecover.sources.manifest import Item
from minecover.survey import Survey
from small_map import survey

SURVEY = survey(model={"kind": "rf", "window": 9}, sources={"terrain": {}, "sentinel2": {}})


def test_parts_of_parts_are_replaced_and_the_rest_stays() -> None:
    changed = SURVEY.replace(
        model__kind="knn",
        features__texture_window=7,
        sources__sentinel2__composite="geometric_median",
        seasons__summer=["2022-07-01/2022-07-31"],
        name="other",
    )
    assert (changed.model.kind, changed.model.window) == ("knn", 9)
    assert changed.features.texture_window == 7
    assert changed.sources["sentinel2"].composite == "geometric_median"  # type: ignore[attr-defined]
    assert changed.sources["terrain"] == SURVEY.sources["terrain"]
    assert changed.seasons["summer"] == ("2022-07-01/2022-07-31",)
    assert changed.seasons["winter"] == SURVEY.seasons["winter"]
    assert SURVEY.model.kind == "rf"
    untouched = {"model", "features", "sources", "seasons", "name"}
    assert changed.model_dump(exclude=untouched) == SURVEY.model_dump(exclude=untouched)


def test_a_section_is_replaced_as_object_or_mapping() -> None:
    first = SURVEY.replace(model=ModelSettings(kind="nb", seed=4), features={"texture_levels": 16})
    assert (first.model.kind, first.model.seed, first.model.window) == ("nb", 4, 17)
    assert first.features == FeatureSettings(texture_levels=16)
    # an argument after another changes what that one gave
    second = SURVEY.replace(model={"kind": "nb"}, model__seed=5)
    assert (second.model.kind, second.model.seed) == ("nb", 5)


def test_what_was_left_to_its_default_stays_so() -> None:
    changed = SURVEY.replace(model__seed=3)
    assert changed.model_fields_set == SURVEY.model_fields_set
    assert changed.model_dump(mode="json", exclude_unset=True) == {
        **SURVEY.model_dump(mode="json", exclude_unset=True),
        "model": {"kind": "rf", "window": 9, "seed": 3},
    }
    assert given(changed.features) == {}


def test_a_part_of_what_is_not_there_is_begun() -> None:
    changed = SURVEY.replace(model__regions__path="regions.gpkg")
    assert changed.model.regions is not None
    assert changed.model.regions.path == "regions.gpkg"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model__kind": "transformer"}, "^model__kind: no kind of model 'transformer'; there are"),
        ({"features__texture_window": 8}, "^features__texture_window: texture_window is 8; it mu"),
        ({"features": {"texture_window": 8}}, "^features: texture_window is 8"),
        ({"model": {"kind": "rf", "seed": -1}}, r"^model\['seed'\]: Input should be greater"),
        ({"model__seeds": 1}, r"^model__seeds: unknown; is it seed\?; there are kind, options, "),
        ({"modle__kind": "rf"}, r"^modle__kind: unknown; is it model\?; there are name, title"),
        ({"name__first": "a"}, "^name__first: name has no parts with names; give name"),
        ({"sources__landsat5": {}}, "^sources__landsat5: no source 'landsat5'; there are"),
        ({"sources__terrain__colour": 1}, "^sources__terrain__colour: unknown; there are collect"),
        ({"classes": [{"code": 1}]}, r"^classes\[0\]\['name'\]: required, but missing\n"),
        ({"seasons__summer": []}, "^seasons__summer: seasons: summer has no date range"),
        (
            {"model__window": 4, "samples__folds": 1, "store": "x"},
            "^samples__folds: Input should be .*\nmodel__window: Input should be",
        ),
    ],
)
def test_a_mistake_is_named_by_its_argument(changes: dict[str, object], message: str) -> None:
    with pytest.raises(SurveyError, match=message):
        SURVEY.replace(**changes)


def test_what_does_not_fit_together_is_refused() -> None:
    several = PredictionSettings(smoothness={"forest_and_grass": 1, "water": 2, "mine": 3})
    fitting = SURVEY.replace(prediction=several)
    with pytest.raises(SurveyError, match=r"prediction.smoothness is of .*; give one number"):
        fitting.replace(classes=[item for item in SURVEY.classes if item.name != "mine"], name="a")
    borders = {"smoothing": 5, "borders": 11, "border_features": ["B8", "B9"]}
    with pytest.raises(SurveyError, match=r"border_features: no feature is called B9; there are"):
        SURVEY.replace(prediction=PredictionSettings.model_validate(borders))


def test_borders_are_read_by_the_features_of_all_seasons() -> None:
    assert SURVEY.border_layers == ()
    borders = PredictionSettings(smoothing=5, borders=11, border_features=("B8", "slope"))
    assert SURVEY.replace(prediction=borders).border_layers == ("summer_B8", "winter_B8", "slope")


@for_any(st.sampled_from(["rf", "nb", "resnet50"]), st.integers(-2, 40))
def test_a_replacement_is_what_validation_gives(kind: str, window: int) -> None:
    try:
        changed = SURVEY.replace(model__kind=kind, model__window=window)
    except SurveyError:
        assert not (5 <= window <= 35 and window % 2)
        return
    assert changed == Survey.model_validate(
        {**SURVEY.model_dump(), "model": {"kind": kind, "window": window}}
    )


def test_an_item_of_a_manifest_is_replaced_likewise() -> None:
    item = Item(source="s", seasons=("",), id="i", bounds=(0, 0, 1, 1), assets={})
    assert item.replace(rank=2, acquisition=7).model_dump() == {
        **item.model_dump(), "rank": 2, "acquisition": 7,
    }  # fmt: skip


def test_copies_are_validated_and_nothing_is_set() -> None:
    settings = ModelSettings(kind="rf")
    for copied in (settings.model_copy(deep=True), copy.deepcopy(settings), copy.copy(settings)):
        assert copied == settings
        assert copied.model_fields_set == {"kind"}
    assert settings.model_copy(update={"kind": "knn"}) == ModelSettings(kind="knn")
    with pytest.raises(SurveyError, match=r"^kind: no kind of model 'transformer'"):
        settings.model_copy(update={"kind": "transformer"})
    with pytest.raises(SurveyError, match=r"^knd: unknown"):
        settings.model_copy(update={"knd": "rf"})
    with pytest.raises(SurveyError, match=r"^kind: settings do not change; .*replace\(kind="):
        settings.kind = "knn"  # type: ignore[misc]
    with pytest.raises(SurveyError, match=r"^kind: settings do not change"):
        del settings.kind
    assert pickle.loads(pickle.dumps(settings)) == settings
