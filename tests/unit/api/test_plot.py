"""Figures show what the results hold, in the survey's colours and with units."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.colors import to_hex

import minecover as mc
from minecover.accuracy.estimates import from_matrix
from minecover.api.raster_view import chosen_view, views_of
from minecover.api.results import Results
from minecover.planning.scale import Scaled
from minecover.products.palette import CONFIDENCE, DIVERGING, DOUBT, TERRAIN
from minecover.samples.sample_set import parquet_bytes
from minecover.selection.result import Selection
from small_map import CLASSES
from small_store import SmallStore, small_store

MATRIX = np.array([[8, 2, 0], [1, 9, 0], [0, 0, 5]])
NAMES = tuple(item["name"] for item in CLASSES)
COLOURS = {item["name"]: item["colour"] for item in CLASSES}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallStore:
    made = small_store(tmp_path_factory.mktemp("plot"))
    split = from_matrix(MATRIX, NAMES).to_dict()
    made.store.write_json("accuracy.json", {"splits": {"spatial_blocks": split}})
    scores = {"relieff": (0.4, 0.1, -0.2), "impurity": (0.2, 0.5, 0.3)}
    ranks = dict.fromkeys(scores, (1, 2, 3))
    selection = Selection(("a", "b", "c"), scores, ranks, (0.3, 0.3, 0.1), (2, 1, 3), ("b", "a"),
                          (), (), (), (), {})  # fmt: skip
    made.store.write("selection.json", selection.to_json().encode())
    rows = {"id": range(6), "x": 0.0, "y": 0.0, "code": [2, 2, 2, 7, 7, 7],
            "name": ["forest_and_grass"] * 3 + ["mine"] * 3,
            "summer_NDVI": [0.5, 0.6, 0.7, 0.1, 0.1, 0.4],
            "winter_NDVI": [0.2, 0.3, 0.4, 0.1, 0.0, np.nan]}  # fmt: skip
    made.store.write("samples.parquet", parquet_bytes(pd.DataFrame(rows)))
    return made


@pytest.fixture
def run(small: SmallStore) -> Results:
    return small.results


@pytest.fixture(autouse=True)
def _no_figure_stays() -> Iterator[None]:
    with mpl.rc_context({"backend": "Agg"}):
        yield
    plt.close("all")


def drawn(ax: plt.Axes) -> np.ndarray:
    return np.asarray(ax.images[0].get_array())


def texts(labels: list[plt.Text]) -> list[str]:
    return [label.get_text() for label in labels]


def test_a_map_has_the_colours_of_the_survey_on_its_ground(run: Results, small: SmallStore) -> None:
    ax = mc.plot.map(run.map)
    codes, pixels = small.values["map:landuse"], drawn(ax)
    for item in small.survey.classes:
        (colour,) = np.unique(pixels[codes == item.code], axis=0)
        assert to_hex(colour / 255) == item.colour
    assert not pixels[np.isnan(codes), 3].any()
    assert texts(ax.get_legend().get_texts()) == [name.replace("_", " ") for name in NAMES]
    west, south, east, north = (edge / 1000 for edge in small.grid.geobox.boundingbox.bbox)
    assert ax.images[0].get_extent() == pytest.approx([west, east, south, north])
    assert ax.get_xlabel() == "easting, km (EPSG:32633)"


def test_numbers_have_the_colours_of_the_report(run: Results) -> None:
    maps, cube = views_of(run.map), views_of(run.cube)
    entropy = chosen_view(maps, "entropy")
    assert entropy.ramp == (DOUBT, 0.0, pytest.approx(np.log2(3)))
    assert chosen_view(maps, "probability_mine").ramp == (CONFIDENCE, 0.0, 1.0)
    assert chosen_view(cube, "elevation").ramp[0] == TERRAIN
    assert chosen_view(cube, "elevation").unit == "m"
    colours, low, high = chosen_view(views_of(run.features), "summer_NDVI").ramp
    assert colours == DIVERGING
    assert low == -high
    assert mc.plot.map(run.map, "entropy").figure.axes[1].get_ylabel() == "bit"


def test_the_first_of_a_cube_is_true_colour(run: Results, small: SmallStore) -> None:
    views = views_of(run.cube, "winter")
    assert [view.name for view in views][:2] == ["winter_true_colour", "winter_false_colour"]
    bands = [small.values[f"cube:winter_{band}"] for band in ("B04", "B03", "B02")]
    np.testing.assert_array_equal(views[0].pixels.to_numpy(), np.stack(bands))
    names = {view.name for view in views}
    assert {"winter_B08", "elevation"} < names
    assert not [name for name in names if "summer" in name]
    pixels = drawn(mc.plot.map(run.cube, season="winter"))
    assert pixels.shape == (*small.grid.shape, 4)
    assert not pixels[5, 7, 3]


@pytest.mark.parametrize(
    ("layer", "season", "match"),
    [("entropie", None, "no 'entropie'; there are landuse, dissimilarity, entropy, prob"),
     ("landuse", "spring", "no 'spring'; there are summer, winter")],
)  # fmt: skip
def test_what_is_not_there_is_named(
    run: Results, layer: str, season: str | None, match: str
) -> None:
    raster = run.map if season is None else run.cube
    with pytest.raises(mc.SurveyError, match=match):
        mc.plot.map(raster, layer, season=season)


def test_nothing_to_show_is_refused() -> None:
    with pytest.raises(mc.SurveyError, match="no array with dimensions y and x"):
        mc.plot.map(xr.DataArray([1.0], dims="time"))
    with pytest.raises(mc.SurveyError, match="a Dataset or DataArray is wanted, not list"):
        mc.plot.map([1])  # type: ignore[arg-type]


def test_curves_are_medians_through_the_seasons(run: Results) -> None:
    lines = {line.get_label(): line for line in mc.plot.curves(run, "NDVI").lines}
    np.testing.assert_allclose(lines["forest and grass"].get_ydata(), [0.6, 0.3])
    np.testing.assert_allclose(lines["mine"].get_ydata(), [0.1, 0.05])
    assert to_hex(lines["mine"].get_color()) == COLOURS["mine"]
    with pytest.raises(mc.SurveyError, match="no 'EVI' through the seasons; there are NDVI"):
        mc.plot.curves(run, "EVI")


def test_a_confusion_matrix_has_the_counts(run: Results) -> None:
    ax = mc.plot.confusion(run)
    counts = {tuple(map(int, text.get_position()[::-1])): int(text.get_text()) for text in ax.texts}
    assert counts == {(0, 0): 8, (0, 1): 2, (1, 0): 1, (1, 1): 9, (2, 2): 5}
    assert ax.get_title() == "88.0% of 25 points are right"
    with pytest.raises(mc.SurveyError, match="no 'random'; measured were spatial_blocks"):
        mc.plot.confusion(run, "random")


def test_accuracy_has_its_intervals(run: Results) -> None:
    ax = mc.plot.accuracy(run)
    users, producers = (line.get_xdata() for line in ax.lines[::3])
    np.testing.assert_allclose(users, [8 / 9, 9 / 11, 1.0])
    np.testing.assert_allclose(producers, [0.8, 0.9, 1.0])
    assert texts(ax.get_yticklabels()) == [name.replace("_", " ") for name in NAMES]
    assessed = mc.assess(["a", "b", "b"], ["a", "b", "a"])
    assert texts(mc.plot.accuracy(assessed).get_yticklabels()) == ["a", "b"]


def test_areas_are_bars_in_the_colours_of_the_classes(run: Results) -> None:
    bars = mc.plot.areas(run).patches
    np.testing.assert_allclose([bar.get_width() for bar in bars], run.areas()["mapped_ha"])
    assert [to_hex(bar.get_facecolor()) for bar in bars] == list(COLOURS.values())
    estimated = pd.DataFrame({"area_ha": [5.0], "low_ha": [4.0], "high_ha": [7.0]}, index=["mine"])
    (segment,) = mc.plot.areas(estimated).collections[0].get_segments()
    assert segment[:, 0].tolist() == [4.0, 7.0]


def test_layers_by_rank_are_shares_of_the_best(run: Results) -> None:
    assert run.selection["rank"].to_dict() == {"b": 1, "a": 2, "c": 3}
    assert run.selection["chosen"].to_dict() == {"b": True, "a": True, "c": False}
    ax = mc.plot.importance(run)
    widths = np.array([bar.get_width() for bar in ax.patches]).reshape(2, 3)
    np.testing.assert_allclose(widths, [[0.25, 1.0, 0.0], [1.0, 0.4, 0.6]])
    weights = [label.get_fontweight() for label in ax.get_yticklabels()]
    assert weights == ["bold", "bold", "normal"]


def test_models_are_dots_with_deviations(run: Results) -> None:
    with pytest.raises(mc.StoreError, match="run `minecover compare`"):
        mc.plot.comparison(run)
    rows = [
        {"model": model, "layers": "both", "split": split,
         "overall_accuracy": {"mean": mean, "deviation": 0.01}}
        for model, mean in (("rf", 0.8), ("nb", 0.9)) for split in ("random", "block")
    ]  # fmt: skip
    document = {"rows": rows, "models": ["rf", "nb"], "table_5": {"layers": "both"}}
    run.store.write_json("products/comparison.json", document)
    ax = mc.plot.comparison(run)
    assert texts(ax.get_yticklabels()) == ["nb", "rf"]
    np.testing.assert_allclose(ax.lines[0].get_xdata(), [0.9, 0.8])


def test_scaling_is_time_by_workers() -> None:
    from minecover.api.scale_table import ScaleSheet

    scaled = [Scaled(n, 600 / n, 0, 1, 0, None, 1, 0, 0, {}) for n in (1, 10)]
    ax = mc.plot.scaling(ScaleSheet(scaled, "", ()), measured={2: 360.0})
    ideal, simulated, measured = (np.asarray(line.get_ydata()) for line in ax.lines)
    np.testing.assert_allclose(ideal, simulated)
    np.testing.assert_allclose(simulated, [10.0, 1.0])
    np.testing.assert_allclose(measured, [6.0])


def test_axes_that_are_given_are_drawn_on(run: Results) -> None:
    _, ax = plt.subplots()
    assert mc.plot.areas(run, ax=ax) is ax
    assert len(plt.get_fignums()) == 1
