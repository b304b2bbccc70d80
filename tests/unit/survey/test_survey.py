from __future__ import annotations

import json
import re
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from minecover.errors import SurveyError
from minecover.products.registry import PRODUCTS
from minecover.stages.registry import stage_names
from minecover.survey import Survey, load

MINIMAL: dict[str, Any] = {
    "name": "here",
    "area": {"bbox": [109, 39, 110, 40]},
    "seasons": {"summer": ["2022-06-01/2022-08-31"]},
    "catalog": {"url": "catalog/catalog.json"},
    "classes": [
        {"code": 1, "name": "mine", "colour": "#112233", "mine": True},
        {"code": 2, "name": "other", "colour": "#445566"},
    ],
    "samples": {"path": "points.gpkg"},
}


def written(folder: Path, **changes: object) -> Path:
    path = folder / "survey.yaml"
    path.write_text(yaml.safe_dump({**MINIMAL, **changes}))
    return path


def test_defaults_are_the_papers(tmp_path: Path) -> None:
    survey = load(written(tmp_path))
    assert survey.model.kind == "resnet50"
    assert survey.selection.method == "both"
    assert survey.grid.resolution == 10


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    survey = load(written(tmp_path))
    assert survey.samples.path == str(tmp_path / "points.gpkg")
    assert survey.catalog.url == str(tmp_path / "catalog/catalog.json")
    assert survey.store == str(tmp_path / "store")
    remote = load(written(tmp_path, catalog={"url": "https://example.org/stac"}))
    assert remote.catalog.url == "https://example.org/stac"


def test_several_files_of_samples_are_relative_too(tmp_path: Path) -> None:
    samples = {"path": ["a.gpkg", "b.shp"], "layer": ["x", "y"]}
    survey = load(written(tmp_path, samples=samples)).samples
    assert survey.paths == (str(tmp_path / "a.gpkg"), str(tmp_path / "b.shp"))
    assert survey.layers == ("x", "y")


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        ("2022-06-01/2022-08-31", ("2022-06-01/2022-08-31",)),
        ("[2022-06-01, 2022-08-31]", ("2022-06-01/2022-08-31",)),
        ("['2022-06-01', '2022-08-31']", ("2022-06-01/2022-08-31",)),
        ("[[2022-06-01, 2022-08-31]]", ("2022-06-01/2022-08-31",)),
        (
            "[[2022-06-01, 2022-08-31], 2021-06-01/2021-08-31]",
            ("2022-06-01/2022-08-31", "2021-06-01/2021-08-31"),
        ),
    ],
)
def test_a_range_of_dates_may_be_a_list_of_two(
    tmp_path: Path, text: str, ranges: tuple[str, ...]
) -> None:
    survey = load(written(tmp_path, seasons={"summer": yaml.safe_load(text)}))
    assert survey.seasons == {"summer": ranges}


def test_a_crs_may_be_its_number(tmp_path: Path) -> None:
    bbox = {"bbox": [1, 2, 3, 4], "crs": 4490}
    survey = load(written(tmp_path, area=bbox, grid={"crs": "32649"}, samples=MINIMAL["samples"] | {"crs": 4326}))  # fmt: skip  # noqa: E501
    assert (survey.area.crs, survey.grid.crs) == ("EPSG:4490", "EPSG:32649")
    assert survey.samples.crs == "EPSG:4326"


def test_a_section_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_text(f"{path.read_text()}\nsamples: {{path: others.csv}}\n")
    with pytest.raises(SurveyError, match=r"the key 'samples' is there twice\n.*line \d+"):
        load(path)
    path.write_text("a: &a {x: 1}\nb: {<<: *a, <<: *a, x: 2}\n")
    with pytest.raises(SurveyError, match="'<<' is there twice"):
        load(path)


def test_a_store_on_the_command_line_wins(tmp_path: Path) -> None:
    assert load(written(tmp_path), store="s3://bucket/x").store == "s3://bucket/x"
    assert load(written(tmp_path), store="out").store == str(Path("out").resolve())


@pytest.mark.parametrize(
    ("changes", "where", "what"),
    [
        ({"modle": {}}, "modle", "unknown; is it model?; there are name"),
        ({"model": {"kind": "resnet50", "epoch": 3}}, "model.epoch", "unknown; is it epochs?"),
        ({"samples": {"colum": "a"}}, "samples.colum", "unknown; is it column?; there are path"),
        ({"registers": {"unit": {}}}, "registers.unit", "unknown; is it units?"),
        ({"samples": {"path": 7}}, "samples.path", "'7': give a text, in quotes"),
        ({"area": "POLYGON EMPTY"}, "area", "'POLYGON EMPTY': give keys with their values"),
        ({"area": {"bbox": "1,2,3,4"}}, "area.bbox", "'1,2,3,4': give a list, as [a, b]"),
        ({"grid": {"resolution": "10m"}}, "grid.resolution", "'10m': give a number, without a u"),
        ({"grid": {"tile": 64.5}}, "grid.tile", "'64.5': give a whole number"),
        ({"store": "s3:/bucket/x"}, "s3:/bucket/x", "write it as s3://bucket/x"),
        ({"area": {"bbox": [2, 1, 1, 2]}}, "area", "the area is empty"),
        ({"area": {}}, "area", "either `path` or `bbox`"),
        ({"seasons": {"summer": ["June"]}}, "seasons.summer", "not a date range"),
        ({"seasons": {"summer": [date(2022, 6, 1)]}}, "seasons.summer", "not a date range"),
        ({"seasons": {"summer": [date(2022, 6, 1)] * 3}}, "seasons.summer", "not a date range"),
        ({"seasons": {"summer": ["2022-08-31/2022-06-01"]}}, "seasons", "ends before it starts"),
        ({"seasons": {"Summer": ["2022-06-01/2022-08-31"]}}, "seasons", "lower-case"),
        ({"seasons": {"summer": []}}, "seasons", "no date range"),
        ({"features": {"texture_window": 4}}, "features", "must be odd"),
        (
            {"features": {"texture_band": "B99"}},
            "features.texture_band",
            "needs B99, which no source",
        ),
        ({"classes": MINIMAL["classes"] * 2}, "classes", "appears twice"),
        ({"name": "a/../b"}, "name", "pattern"),
        (
            {"model": {"kind": "forest"}},
            "model.kind",
            "no kind of model 'forest'; there",
        ),
        ({"model": {"options": {"depth": 1}}}, "model.options.depth", "unknown"),
        ({"sources": {"night_lights": {}}}, "night_lights", "either `collection` or `path`"),
    ],
)
def test_each_mistake_names_its_place(
    tmp_path: Path, changes: dict[str, object], where: str, what: str
) -> None:
    with pytest.raises(SurveyError) as caught:
        load(written(tmp_path, **changes))
    assert where in str(caught.value)
    assert what in str(caught.value)
    assert caught.value.exit_code == 2


def test_of_many_mistakes_the_first_are_listed(tmp_path: Path) -> None:
    with pytest.raises(SurveyError) as caught:
        load(written(tmp_path, classes=[*range(5000)], seasons={}))
    first, *lines = str(caught.value).split("\n  ")
    (count,) = re.findall(r"survey\.yaml: the survey file has (\d+) mistake\(s\):", first)
    assert int(count) > 5000
    assert [line.partition(":")[0] for line in lines[:3]] == ["seasons", "classes.0", "classes.1"]
    assert len(lines) == 21
    assert lines[-1] == f"and {int(count) - 20} more"


def test_files_that_are_no_survey(tmp_path: Path) -> None:
    with pytest.raises(SurveyError, match="cannot read"):
        load(tmp_path / "nothing.yaml")
    (tmp_path / "list.yaml").write_text("- a\n- b\n")
    with pytest.raises(SurveyError, match="mapping of sections"):
        load(tmp_path / "list.yaml")
    (tmp_path / "broken.yaml").write_text("a: [1,\n")
    with pytest.raises(SurveyError, match="not a YAML file"):
        load(tmp_path / "broken.yaml")


def test_a_survey_may_be_written_as_json(tmp_path: Path) -> None:
    # JSON escapes what is beyond 16 bits as two halves
    (tmp_path / "survey.json").write_text(json.dumps({**MINIMAL, "title": "\U00020bb7野"}))
    assert r'"\ud842\udfb7\u91ce"' in (tmp_path / "survey.json").read_text()
    assert load(tmp_path / "survey.json").title == "\U00020bb7野"


@pytest.mark.parametrize("changes", [{"title": "\ud842"}, {"grid": {"crs": "\udfb7\ud842"}}])
def test_half_of_a_character_is_refused_with_its_line(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    path = tmp_path / "survey.yaml"
    path.write_text("name: here\n" + json.dumps(changes)[1:-1])
    with pytest.raises(SurveyError, match=r"half of a character.*\n.*line 2, column") as caught:
        load(path)
    str(caught.value).encode()


def test_every_field_is_described() -> None:
    schema = Survey.model_json_schema()
    Draft202012Validator.check_schema(schema)
    bare = [
        f"{section}.{name}"
        for section, body in schema["$defs"].items()
        for name, field in body["properties"].items()
        if "description" not in field and "$ref" not in field
    ]
    assert bare == []


def test_the_template_and_the_examples_are_valid(tmp_path: Path) -> None:
    text = resources.files("minecover.survey").joinpath("template.yaml").read_text()
    (tmp_path / "survey.yaml").write_text(text)
    assert load(tmp_path / "survey.yaml").name == "my-district"
    root = Path(__file__).parents[3]
    examples = set(root.glob("examples/*.yaml")) - {root / "examples" / "prices.yaml"}
    for path in [*examples, *root.glob("tests/acceptance/*.yaml")]:
        assert load(path).classes


def test_a_survey_survives_json(tmp_path: Path) -> None:
    survey = load(written(tmp_path))
    assert Survey.model_validate(json.loads(survey.model_dump_json())) == survey


def test_products_are_named_in_the_survey(tmp_path: Path) -> None:
    everything = (
        "landuse", "legend", "mines", "class_sets", "change", "mine_history", "recovery",
        "register", "accuracy", "summary", "project", "report", "period_maps", "overview",
            "map_page", "item",
    )  # fmt: skip
    assert load(written(tmp_path)).products == everything
    assert load(written(tmp_path, products=["item", "landuse"])).products == ("item", "landuse")
    schema = Survey.model_json_schema()["properties"]["products"]
    assert schema["items"]["enum"][: len(PRODUCTS.own_names())] == list(PRODUCTS.own_names())


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["landuse", "tiles"], r"products.1: no product 'tiles'; there are landuse, legend"),
        (["landuse", "landuse"], "products: a product is named twice"),
        (["mines"], "products: product 'mines' reads 'landuse'"),
        ([], "products: Tuple should have at least 1 item"),
    ],
)
def test_products_that_cannot_be_published_are_refused(
    tmp_path: Path, names: list[str], message: str
) -> None:
    with pytest.raises(SurveyError, match=message):
        load(written(tmp_path, products=names))


def test_shares_of_classes_are_given_by_name_or_code(tmp_path: Path) -> None:
    survey = load(written(tmp_path))
    names, codes = list(survey.class_codes), list(survey.class_codes.values())
    share = 1 / len(names)
    by_name = {
        "prior_shift": 1,
        "class_shares": {names[0]: share, **dict.fromkeys(codes[1:], share)},
    }
    found = load(written(tmp_path, model=by_name))
    assert found.model.class_shares == dict.fromkeys(codes, share)
    assert Survey.model_validate(json.loads(found.model_dump_json())) == found
    with pytest.raises(SurveyError, match="give the share of each class, and of no other"):
        load(written(tmp_path, model={"prior_shift": 1, "class_shares": {names[0]: 1.0}}))
    with pytest.raises(SurveyError, match=r"class_shares\.quarry"):
        load(written(tmp_path, model={"prior_shift": 1, "class_shares": {"quarry": 1.0}}))


def test_samples_are_needed_unless_the_model_is_carried(tmp_path: Path) -> None:
    with pytest.raises(SurveyError, match=r"samples\.path: required, but missing"):
        load(written(tmp_path, samples={}))
    carried = load(written(tmp_path, samples={}, model={"carried_from": "there/store"}))
    assert carried.model.carried_from == str(tmp_path / "there/store")
    assert stage_names(carried) == (
        "catalog", "cube", "features", "carry", "predict", "assess", "publish",
    )  # fmt: skip
    labelled = load(written(tmp_path), model={"carried_from": "/there"})
    assert stage_names(labelled)[3:5] == ("samples", "carry")
    with pytest.raises(SurveyError, match="one for all"):
        load(written(tmp_path, model={"carried_from": "x", "regions": {"path": "r.gpkg"}}))
    with pytest.raises(SurveyError, match="self_training: a model that is carried"):
        load(written(tmp_path, model={"carried_from": "x", "self_training": {}}))


def test_names_longer_than_those_of_files_are_refused(tmp_path: Path) -> None:
    for sections in ({"store": "n" * 300}, {"samples": {"path": "n" * 300 + ".csv"}}):
        with pytest.raises(SurveyError, match=r"'nnn.* has 30\d characters, more than a file's"):
            load(written(tmp_path, **sections))


def test_a_mistake_is_told_in_few_words_whatever_was_given(tmp_path: Path) -> None:
    with pytest.raises(SurveyError, match="block") as raised:
        load(written(tmp_path, samples={"path": "p.csv", "block": list(range(2000))}))
    assert len(str(raised.value)) < 1500
