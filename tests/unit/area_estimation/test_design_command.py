"""From the finished map to points, from labelled points to areas, and what is refused."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely.geometry import Polygon

from minecover.area_estimation.workflow import DesignOptions, draw_design, estimate_areas
from minecover.errors import DataError, StoreError, SurveyError
from minecover.geography.grid import Window
from minecover.stages.publish import estimated_areas
from minecover.workflow.run import Run
from small_map import CODES, SmallMap, draw_codes, grid, small_map, survey

NAMES = {2: "forest_and_grass", 3: "water", 7: "mine"}
OPTIONS = DesignOptions(0.02, minimum=30, expected=0.9)


class Silent:
    """Progress that nobody watches."""

    def started(self, *_: object) -> None: ...
    def tile(self, *_: object) -> None: ...
    def step(self, *_: object) -> None: ...
    def finished(self, *_: object) -> None: ...
    def already_complete(self, *_: object) -> None: ...


class SmallRun(Run):
    """A run on a small map that lies in its store already."""

    @classmethod
    def of(cls, made: SmallMap) -> SmallRun:
        its = made.survey.model_copy(update={"store": made.store.url})
        run = cls(its, Silent(), ())
        run.__dict__["grid"] = made.grid
        return run


@pytest.fixture
def made(tmp_path: Path) -> SmallMap:
    its = survey(samples={"path": str(tmp_path / "samples.gpkg")})
    return small_map(tmp_path, draw_codes((90, 120)), grid((90, 120), 64), its)


@pytest.fixture
def run(made: SmallMap) -> SmallRun:
    return SmallRun.of(made)


def products(run: Run) -> Path:
    return Path(run.survey.store) / "products"


def labelled(run: Run, made: SmallMap, wrong: float = 0.0) -> gpd.GeoDataFrame:
    """The design as someone would label it who finds the map right but for a share of points."""
    frame = gpd.read_file(products(run) / "design.gpkg")
    rng = np.random.default_rng(0)
    other = np.array(list(NAMES.values()))[rng.integers(0, 3, len(frame))]
    frame["reference"] = np.where(rng.random(len(frame)) < wrong, other, frame["stratum"])
    return frame


def save(frame: gpd.GeoDataFrame, path: Path) -> Path:
    frame.to_file(path, driver="GPKG", layer="design")
    return path


def test_points_lie_in_their_strata(run: SmallRun, made: SmallMap) -> None:
    document = draw_design(run, OPTIONS)
    codes = {name: item["code"] for name, item in document["strata"].items()}
    assert codes == {name: code for code, name in NAMES.items()}
    for point in document["points"]:
        assert made.codes[point["row"], point["col"]] == codes[point["stratum"]]
    for name, item in document["strata"].items():
        assert item["pixels"] == int((made.codes == codes[name]).sum())
        assert item["points"] >= 30
    weights = [item["weight"] for item in document["strata"].values()]
    assert sum(weights) == pytest.approx(1)
    hectares = sum(item["hectares"] for item in document["strata"].values())
    # UTM's scale near its central meridian: pixels are within a thousandth of their nominal size
    assert hectares == pytest.approx(np.isfinite(made.codes).sum() / 100, rel=1e-3)


def test_ground_off_the_area_is_not_sampled(tmp_path: Path) -> None:
    whole = grid((90, 120), 64)
    left, bottom, right, top = whole.geobox.boundingbox
    half = Polygon([(left, bottom), (right, bottom), (left, top)])
    its = survey(samples={"path": str(tmp_path / "samples.gpkg")})
    made = small_map(tmp_path, draw_codes((90, 120)), grid((90, 120), 64, half), its)
    document = draw_design(SmallRun.of(made), OPTIONS)
    pixels = sum(item["pixels"] for item in document["strata"].values())
    inside = made.grid.area_mask(Window(0, 90, 0, 120))
    assert pixels == (inside & ~np.isnan(made.codes)).sum()
    assert all(inside[point["row"], point["col"]] for point in document["points"])


def test_cochran_5_25(run: SmallRun) -> None:
    """All users' accuracies 0.9: S = 0.3, n = 0.3^2 / (0.02^2 + 0.3^2 / N) in any division."""
    document = draw_design(run, OPTIONS)
    pixels = sum(item["pixels"] for item in document["strata"].values())
    assert len(document["points"]) == int(np.ceil(0.09 / (0.0004 + 0.09 / pixels)))
    assert document["expected_standard_error"] == pytest.approx(0.02, rel=0.03)


def test_the_same_seed_draws_the_same_points(run: SmallRun) -> None:
    first = draw_design(run, OPTIONS)
    assert draw_design(run, OPTIONS) == first
    other = draw_design(run, DesignOptions(0.02, 30, 0.9, seed=1))
    assert other["points"] != first["points"]


def test_accuracy_is_expected_from_the_assessment(run: SmallRun) -> None:
    classes = {
        "forest_and_grass": {"users_accuracy": 1.0, "mapped": 48},
        "water": {"users_accuracy": None, "mapped": 0},
        "mine": {"users_accuracy": 0.5, "mapped": 8},
    }
    run.store.write_json("accuracy.json", {"splits": {"spatial_blocks": {"classes": classes}}})
    strata = draw_design(run, DesignOptions(0.05, 10, 0.8))["strata"]
    expected = {name: item["expected_users_accuracy"] for name, item in strata.items()}
    assert expected == {"forest_and_grass": 0.98, "water": 0.8, "mine": 0.5}
    with pytest.raises(SurveyError, match=r"mapped as water.*--expected"):
        draw_design(run, DesignOptions(0.05, 10))


def test_the_style_hides_what_the_map_says(run: SmallRun) -> None:
    draw_design(run, OPTIONS)
    root = ET.parse(products(run) / "design.qml").getroot()
    widgets = {
        str(field.get("name")): str(widget.get("type"))
        for field in root.iterfind("fieldConfiguration/field")
        for widget in field.iterfind("editWidget")
    }
    assert widgets == {
        **dict.fromkeys(("stratum", "pixels", "inclusion", "weight"), "Hidden"),
        "reference": "ValueMap",
    }
    listed = root.findall("fieldConfiguration/field[@name='reference']//Option[@type='QString']")
    assert [option.get("value") for option in listed] == ["", *NAMES.values()]


def test_labels_become_areas(run: SmallRun, made: SmallMap, tmp_path: Path) -> None:
    document = draw_design(run, OPTIONS)
    points = save(labelled(run, made), tmp_path / "labelled.gpkg")
    areas = estimate_areas(run, points)
    assert areas["overall_accuracy"]["value"] == pytest.approx(1)
    for name, item in document["strata"].items():
        assert areas["area_ha"][name]["value"] == pytest.approx(item["hectares"])
        assert areas["users_accuracy"][name]["value"] == pytest.approx(1)
    assert run.store.read_json("products/areas.json") == areas


def test_the_report_takes_up_areas_of_todays_map_alone(
    run: SmallRun, made: SmallMap, tmp_path: Path
) -> None:
    draw_design(run, OPTIONS)
    assert estimated_areas(run) is None
    run.ledger.finish_stage("predict", "today", 0, facts={}, seconds=1.0)
    areas = estimate_areas(run, save(labelled(run, made), tmp_path / "labelled.gpkg"))
    assert estimated_areas(run) == areas
    run.ledger.finish_stage("predict", "made again", 0, facts={}, seconds=1.0)
    assert estimated_areas(run) is None


def test_errors_widen_the_intervals(run: SmallRun, made: SmallMap, tmp_path: Path) -> None:
    draw_design(run, OPTIONS)
    areas = estimate_areas(run, save(labelled(run, made, 0.3), tmp_path / "labelled.gpkg"))
    assert 0.7 < areas["overall_accuracy"]["value"] < 0.9
    total = sum(item["value"] for item in areas["area_ha"].values())
    assert total == pytest.approx(sum(areas["mapped_ha"].values()))
    assert all(item["low"] < item["value"] < item["high"] for item in areas["area_ha"].values())


def test_codes_and_another_crs_are_understood(
    run: SmallRun, made: SmallMap, tmp_path: Path
) -> None:
    draw_design(run, OPTIONS)
    frame = labelled(run, made)
    as_names = estimate_areas(run, save(frame, tmp_path / "names.gpkg"))
    codes = {name: code for code, name in NAMES.items()}
    frame = frame.assign(reference=frame["reference"].map(codes).astype(float)).to_crs(4326)
    assert estimate_areas(run, save(frame[::-1], tmp_path / "codes.gpkg")) == as_names


def test_a_map_made_anew_is_assessed_with_the_old_strata(
    run: SmallRun, made: SmallMap, tmp_path: Path
) -> None:
    document = draw_design(run, OPTIONS)
    points = save(labelled(run, made), tmp_path / "labelled.gpkg")
    layers = made.store.layers("map.zarr")
    for tile in made.grid.tiles:
        values = layers.read(made.grid.window(tile))
        values[0][values[0] == 7] = 3
        layers.write_tile(made.grid, tile, values)
    areas = estimate_areas(run, points)
    share = 1 - document["strata"]["mine"]["weight"]
    assert areas["overall_accuracy"]["value"] == pytest.approx(share)
    assert areas["users_accuracy"]["mine"] is None
    assert areas["area_ha"]["mine"]["value"] == pytest.approx(
        document["strata"]["mine"]["hectares"]
    )


def without(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return frame[1:]


def relabelled(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Two points swap their strata: the counts still fit, the points do not."""
    frame = frame.copy()
    one = frame.index[frame["stratum"] == "water"][0]
    two = frame.index[frame["stratum"] == "mine"][0]
    columns = ["stratum", "pixels", "inclusion", "weight"]
    frame.loc[[one, two], columns] = frame.loc[[two, one], columns].to_numpy()
    return frame


def moved(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """One point by the width of a pixel."""
    return frame.set_geometry(
        frame.geometry.translate(10.0).where(frame["id"] == 3, frame.geometry)
    )


def unlabelled(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return frame.assign(reference=frame["reference"].where(frame["id"] != 5, ""))


def numbered(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return frame.assign(id=frame["id"] + 1)


def bare(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return frame[["reference", "geometry"]]


def widened(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """One point has become a polygon, and one nothing."""
    shapes = frame.geometry.where(frame["id"] != 3, frame.geometry.buffer(5))
    return frame.set_geometry(shapes.where(frame["id"] != 4, None))


def strange(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return frame.assign(reference=frame["reference"].replace("mine", "quarry"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (without, "points were added, taken out or moved"),
        (relabelled, r"2 point\(s\) of another stratum"),
        (moved, r"1 point\(s\) moved \(id 3\)"),
        (widened, r"2 point\(s\) moved \(id 3, 4\)"),
        (unlabelled, "1 of .* no label"),
        (numbered, r"1 point\(s\) added"),
        (bare, "no column stratum, pixels, inclusion"),
        (strange, "quarry"),
    ],
)
def test_what_is_no_sample_of_the_design_is_refused(
    change: Any, reason: str, run: SmallRun, made: SmallMap, tmp_path: Path
) -> None:
    draw_design(run, OPTIONS)
    points = save(change(labelled(run, made)), tmp_path / "labelled.gpkg")
    with pytest.raises(DataError, match=reason):
        estimate_areas(run, points)
    assert run.store.read("products/areas.json") is None


def test_training_samples_are_refused(run: SmallRun, made: SmallMap) -> None:
    draw_design(run, OPTIONS)
    points = save(labelled(run, made), Path(run.survey.samples.path))
    with pytest.raises(DataError, match="training samples"):
        estimate_areas(run, points)


def test_labels_are_not_overwritten(run: SmallRun, made: SmallMap) -> None:
    draw_design(run, OPTIONS)
    save(labelled(run, made), products(run) / "design.gpkg")
    with pytest.raises(StoreError, match="are labelled; move it"):
        draw_design(run, OPTIONS)


def test_areas_need_a_design(run: SmallRun, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="minecover design"):
        estimate_areas(run, tmp_path / "labelled.gpkg")


@pytest.mark.parametrize("pixels", [1, 2, 5])
def test_areas_take_a_rare_class_of_which_the_design_took_all(tmp_path: Path, pixels: int) -> None:
    codes = np.full((60, 60), CODES[0], dtype=np.float32)
    codes[0, :pixels] = CODES[2]
    its = survey(samples={"path": str(tmp_path / "samples.gpkg")})
    made = small_map(tmp_path, codes, grid((60, 60), 64), its)
    run = SmallRun.of(made)
    strata = draw_design(run, OPTIONS)["strata"]
    assert strata["mine"]["points"] == pixels
    assert set(strata) == {"forest_and_grass", "mine"}
    areas = estimate_areas(run, save(labelled(run, made), tmp_path / "labelled.gpkg"))
    mine = areas["area_ha"]["mine"]
    assert mine["value"] == mine["low"] == pytest.approx(strata["mine"]["hectares"])
    assert mine["standard_error"] == 0
    # forest that was not looked at may still hold some
    assert mine["high"] > mine["value"]


@pytest.mark.parametrize("given", [{"minimum": 1}, {"expected": 1.0}, {"expected": -1}])
def test_options_out_of_range_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(SurveyError, match="--"):
        DesignOptions(0.01, **given)


@pytest.mark.parametrize("name", ["labelled.shp", "labelled.gdb", "labelled.geojson"])
def test_a_design_comes_back_in_other_formats(
    run: SmallRun, made: SmallMap, tmp_path: Path, name: str
) -> None:
    draw_design(run, OPTIONS)
    frame = labelled(run, made, 0.1)
    expected = estimate_areas(run, save(frame, tmp_path / "labelled.gpkg"))
    frame = frame.to_crs("EPSG:4326") if name.endswith("json") else frame
    frame.to_file(tmp_path / name, engine="pyogrio")
    assert estimate_areas(run, tmp_path / name) == expected


def test_a_design_may_come_back_as_multipoints(
    run: SmallRun, made: SmallMap, tmp_path: Path
) -> None:
    draw_design(run, OPTIONS)
    frame = labelled(run, made, 0.1)
    expected = estimate_areas(run, save(frame, tmp_path / "points.gpkg"))
    many = frame.set_geometry(shapely.multipoints(frame.geometry.to_numpy()[:, None]))
    many.to_file(tmp_path / "many.gpkg", driver="GPKG", layer="design")
    assert estimate_areas(run, tmp_path / "many.gpkg") == expected


def test_labels_that_are_no_class_are_counted(
    run: SmallRun, made: SmallMap, tmp_path: Path
) -> None:
    draw_design(run, OPTIONS)
    frame = labelled(run, made)
    frame["reference"] = frame["reference"].str.capitalize()
    water = int((frame["stratum"] == "water").sum())
    with pytest.raises(DataError, match=rf"Water {water} \(did you mean water\?\)"):
        estimate_areas(run, save(frame, tmp_path / "labelled.gpkg"))


def test_points_that_were_chosen_to_teach_give_no_areas(
    run: SmallRun, made: SmallMap, tmp_path: Path
) -> None:
    """Not even among the points of a design, where somebody put them together."""
    draw_design(run, OPTIONS)
    frame = labelled(run, made)
    frame["purpose"] = ""
    estimate_areas(run, save(frame, tmp_path / "design.gpkg"))
    frame.loc[[2, 5], "purpose"] = "training"
    with pytest.raises(DataError, match=r"2 of its points have the purpose 'training'.*samples"):
        estimate_areas(run, save(frame, tmp_path / "both.gpkg"))
