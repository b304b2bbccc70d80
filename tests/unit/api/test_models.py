"""Training and prediction in Python, against what a run's stages do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dask.array as da
import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rioxarray  # noqa: F401
import xarray as xr
from dask.callbacks import Callback
from hypothesis import given, settings
from hypothesis import strategies as st

from minecover.api.labelled_raster import LabelledRaster
from minecover.api.models import Model
from minecover.api.training import train
from minecover.arrays import Float32Array
from minecover.engines.settings import EngineSettings
from minecover.errors import DataError, StoreError, SurveyError
from minecover.geography.grid import Window
from minecover.models.registry import MODELS
from minecover.models.settings import ModelSettings
from minecover.models.task import TrainingTask
from minecover.prediction.map_layers import map_arrays, map_attributes
from minecover.samples.regions import Regions
from minecover.stages.predict import PredictJob
from minecover.storage.raster_array import stacked as layers_above
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.survey.grid import survey_grid
from minecover.testing import assert_same_bits

LAYERS = ("summer_NDVI", "summer_B4")
CLASSES = {"water": 3, "mine": 1}
HEIGHT, WIDTH = 150, 170
SMALL = {"window": 5, "width": 0.125, "epochs": 3, "batch": 16}
KINDS = ("nb", "rf", "ann", "knn", "svm")


def values(seed: int = 1, height: int = HEIGHT, width: int = WIDTH) -> Float32Array:
    out = np.random.default_rng(seed).normal(0, 1, (2, height, width)).astype(np.float32)
    out[0, 10:14, 20:33] = np.nan
    return out


def features(array: Any = None, layers: tuple[str, ...] = LAYERS) -> xr.DataArray:
    array = values() if array is None else array
    height, width = array.shape[1:]
    coords = {
        "layer": list(layers),
        "y": 5_400_000 + 10 * height - 5 - 10.0 * np.arange(height),
        "x": 500_005 + 10.0 * np.arange(width),
        "season": ("layer", ["summer"] * len(layers)),
    }
    found = xr.DataArray(array, coords, ("layer", "y", "x"), "features").rio.write_crs("EPSG:32633")
    return found.set_xindex("season")  # as those of a run have it


def points(count: int = 80, seed: int = 0) -> gpd.GeoDataFrame:
    rng = np.random.default_rng(seed)
    cells = rng.choice(130 * WIDTH, count, replace=False) + 20 * WIDTH
    x, y = 500_005 + 10.0 * (cells % WIDTH), 5_401_495 - 10.0 * (cells // WIDTH)
    known = values()[0, cells // WIDTH, cells % WIDTH]
    names = np.where(known > 0, "mine", "water")
    return gpd.GeoDataFrame({"class": names}, geometry=gpd.points_from_xy(x, y), crs="EPSG:32633")


def table(count: int = 80) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    drawn = rng.normal(0, 1, (count, 2)).astype(np.float32)
    names = np.where(drawn[:, 0] > 0, "mine", "water")
    return pd.DataFrame({"class": names, **dict(zip(LAYERS, drawn.T, strict=True))})


@pytest.fixture(scope="module", params=(*KINDS, "resnet50"))
def model(request: pytest.FixtureRequest) -> Model:
    return trained(request.param)


@pytest.fixture(scope="module")
def bayes() -> Model:
    return trained("nb")


def trained(kind: str) -> Model:
    options = SMALL if kind == "resnet50" else {}
    given = (points(), features()) if kind == "resnet50" else (table(),)
    model = train(*given, kind=kind, classes=CLASSES, threads=1, **options)
    if kind == "rf":  # a twentieth of the trees, and of the time
        forest = model.classifier.estimator  # type: ignore[attr-defined]
        forest.estimators_ = forest.estimators_[:25]
    return model


def survey(kind: str, tile: int, **prediction: Any) -> Survey:
    x1, y1 = 500_000 + 10 * WIDTH, 5_400_000 + 10 * HEIGHT
    return Survey.model_validate(
        {
            "name": "small",
            "area": {"bbox": [500_000, 5_400_000, x1, y1], "crs": "EPSG:32633"},
            "grid": {"crs": "EPSG:32633", "tile": tile},
            "seasons": {"summer": ["2021-06-01/2021-08-31"]},
            "catalog": {"url": "catalog.json"},
            "classes": [
                {"code": 3, "name": "water", "colour": "#0000ff"},
                {"code": 1, "name": "mine", "colour": "#ff0000"},
            ],
            "samples": {"path": "samples.gpkg"},
            "model": {"kind": kind},
            "engine": {"training": "local", "prediction": "local", "workers": 1, "threads": 1},
            "prediction": {"applicability": False, **prediction},
        }
    )


def of_a_run(
    model: Model,
    folder: Path,
    tile: int = 64,
    array: Float32Array | None = None,
    **prediction: Any,
) -> Float32Array:
    """What the stage writes into `map.zarr` tile by tile."""
    known = values() if array is None else array
    store, plan = Store(str(folder)), survey(model.kind, tile, **prediction)
    grid, layout = survey_grid(plan), layers_above(("summer_B4", "summer_NDVI"))
    layers = store.create_layers("features.zarr", grid, [layout], {})
    for each in grid.tiles:
        rows, columns = grid.window(each).slices
        layers.write_tile(grid, each, known[::-1][:, rows, columns])
    Regions().save(store)
    model.classifier.save(store)
    arrays = map_arrays(plan.prediction, plan.class_codes)
    store.create_layers("map.zarr", grid, arrays, map_attributes(store, plan.prediction))
    job = PredictJob(store.url, plan, str(folder))
    for each in grid.tiles:
        job(each)
    height, width = grid.shape
    assert (height, width) == (HEIGHT, WIDTH)
    return store.layers("map.zarr").read(Window(0, height, 0, width))


def stacked(found: xr.Dataset) -> Float32Array:
    loaded = found.compute()
    own = np.stack([loaded.landuse.values, loaded.entropy.values])
    return np.concatenate([own, loaded.probability.values])


def test_it_is_what_a_run_writes(model: Model, tmp_path: Path) -> None:
    found = model.predict(features(da.from_array(values(), chunks=(1, 64, 64))))
    assert isinstance(found.probability.data, da.Array)
    assert_same_bits(stacked(found), of_a_run(model, tmp_path))


@pytest.mark.parametrize("kind", ["nb", "rf"])
@pytest.mark.parametrize("borders", [{}, {"borders": 7, "border_features": ["NDVI", "B4"]}])
def test_smoothed_it_is_what_a_run_writes(
    kind: str, borders: dict[str, Any], tmp_path: Path
) -> None:
    model, how, array = trained(kind), {"smoothing": 5, **borders}, values() + stripes()
    lazy = features(da.from_array(array[::-1], chunks=(2, 50, 64)), LAYERS[::-1])
    expected = of_a_run(model, tmp_path, array=array, **how)
    assert_same_bits(stacked(model.predict(lazy, **how)), expected)


def stripes() -> Float32Array:
    """Stripes of one class each, (layer, y, x), to be added."""
    sides = np.where(np.arange(WIDTH) // 17 % 2, 3, -3).astype(np.float32)
    return np.broadcast_to(sides, (2, HEIGHT, WIDTH)) * np.float32([[[1]], [[0.5]]])


def test_borders_are_read_by_layers_that_the_model_does_not_read() -> None:
    model = train(table(), kind="nb", classes=CLASSES, layers=["summer_NDVI"])
    given = features(values() + stripes())
    smooth, again, same = (
        model.predict(part, smoothing=5, **how).probability.values
        for part, how in (
            (given, {}),
            (given, {"borders": 7, "border_features": "B4"}),
            (given[:, :100], {"borders": 7, "border_features": ["summer_B4"]}),
        )
    )
    beside = np.arange(WIDTH) % 17
    changed = (again != smooth).any(axis=0).mean(axis=0)  # share of each column
    assert changed[17:-17][np.isin(beside, (0, 16))[17:-17]].min() > 0.9
    assert changed[beside == 8].max() < 0.1  # amid a stripe
    assert_same_bits(again[:, :90], same[:, :90])


@settings(deadline=None, max_examples=10)
@given(
    rows=st.lists(st.integers(1, 90), min_size=1, max_size=6),
    columns=st.lists(st.integers(1, 90), min_size=1, max_size=6),
    layers=st.sampled_from([1, 2]),
)
def test_any_chunks_give_the_same_bits(
    model: Model, rows: list[int], columns: list[int], layers: int
) -> None:
    array = values(2, sum(rows), sum(columns))
    whole = stacked(model.predict(features(array)))
    chunks = ((1,) * 2 if layers == 1 else (2,), tuple(rows), tuple(columns))
    cut = model.predict(features(da.from_array(array, chunks=chunks)))
    assert_same_bits(stacked(cut), whole)
    for *all_but_last, last in cut.landuse.chunks or ():
        assert len(set(all_but_last)) <= 1  # Zarr takes no others
        assert all(last <= size for size in all_but_last)


def test_arrays_in_memory_give_arrays_in_memory(bayes: Model) -> None:
    found = bayes.predict(features())
    assert isinstance(found.probability.data, np.ndarray)
    assert found.probability.dtype == found.landuse.dtype == np.float32
    assert found.probability.dims == ("class", "y", "x")
    assert list(found["class"].values) == ["water", "mine"]


def test_coordinates_and_crs_are_kept(bayes: Model) -> None:
    array = features()
    found = bayes.predict(array)
    for name in ("y", "x"):
        np.testing.assert_array_equal(found[name], array[name])
    assert found.landuse.rio.crs == array.rio.crs
    assert found.landuse.rio.transform() == array.rio.transform()
    assert found.landuse.odc.geobox == array.odc.geobox
    assert "season" not in found.coords


def test_it_is_nodata_where_a_layer_is(bayes: Model) -> None:
    found = bayes.predict(features())
    hole = np.isnan(values()[0])
    assert (np.isnan(stacked(found)) == hole).all()
    assert set(np.unique(found.landuse.values[~hole])) == {1.0, 3.0}


def test_further_layers_another_order_and_float64_change_nothing(bayes: Model) -> None:
    more = np.concatenate([values()[::-1], np.full((1, HEIGHT, WIDTH), np.nan, np.float32)])
    given = features(more.astype(np.float64), (*LAYERS[::-1], "ntl"))
    found = bayes.predict(given.transpose("y", "x", "layer"))
    assert_same_bits(stacked(found), stacked(bayes.predict(features())))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (features(layers=("summer_NDVI", "VV")), "no layer summer_B4; there are summer_NDVI, VV"),
        (features().isel(layer=0), r"a DataArray \(layer, y, x\) is wanted"),
        (features().drop_vars("layer"), "the coordinate `layer`"),
        (features().astype(bool), "numbers are wanted, not bool"),
        (values(), "not ndarray"),
    ],
)
def test_other_features_are_refused(bayes: Model, given: Any, message: str) -> None:
    with pytest.raises((DataError, SurveyError), match=f"Model.predict: features: .*{message}"):
        bayes.predict(given)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"smoothing": 4}, "smoothing is 4; it must be"),
        ({"smoothing": 5, "smoothness": {"water": 1.0}}, "one number for each of"),
        ({"neighbour_fraction": 0.0}, "neighbour_fraction=0.0"),
        ({"borders": 7}, "borders is 7 without smoothing"),
        ({"smoothing": 5, "borders": 4}, "borders=4|borders is 4"),
        (
            {"smoothing": 5, "borders": 7},
            "no layer of B2, B3, B8, by which borders are read; there "
            "are summer_NDVI, summer_B4: .* border_features",
        ),
        ({"smoothing": 5, "borders": 7, "border_features": "B9"}, "no layer of B9"),
    ],
)
def test_impossible_smoothing_is_refused(bayes: Model, how: dict[str, Any], message: str) -> None:
    with pytest.raises((DataError, SurveyError), match=f"Model.predict: .*{message}"):
        bayes.predict(features(), **how)


def test_it_comes_back_from_a_folder_the_same(model: Model, tmp_path: Path) -> None:
    model.save(tmp_path / "kept")
    again = Model.load(tmp_path / "kept")
    assert (again.kind, again.classes, again.layers) == (model.kind, model.classes, model.layers)
    assert_same_bits(stacked(again.predict(features())), stacked(model.predict(features())))
    with pytest.raises(StoreError, match="no model"):
        Model.load(tmp_path / "empty")


def test_points_draw_their_layers_from_features() -> None:
    there = points()
    lazy = features(da.from_array(values(), chunks=(1, 40, 70)))
    by_points = train(there.to_crs("EPSG:4326"), lazy, kind="nb")
    rows = ((5_401_500 - there.geometry.y) // 10).astype(int)
    columns = ((there.geometry.x - 500_000) // 10).astype(int)
    drawn = values()[:, rows, columns]
    by_table = train(there.assign(**dict(zip(LAYERS, drawn, strict=True))), kind="nb")
    assert by_points.layers == by_table.layers == LAYERS
    assert by_points.classes == {"mine": 1, "water": 2}
    found = (model.predict(features()) for model in (by_points, by_table))
    assert_same_bits(*map(stacked, found))


def test_samples_of_a_run_are_understood() -> None:
    given = table()
    names = given.pop("class")
    given = given.assign(id=range(80), x=0.0, y=0.0, row=1, col=2, code=names.map(CLASSES))
    given = given.assign(name=names, region="", block=4, block_fold=0, random_fold=1)
    given["winter_NDVI"] = np.float32(np.nan)  # a season without images
    model = train(given, kind="nb")
    assert model.layers == LAYERS
    assert model.classes == {"mine": 1, "water": 3}


def test_points_off_the_features_or_on_nodata_are_left_out_with_a_warning() -> None:
    there = points()
    lost = gpd.GeoDataFrame(
        {"class": ["mine", "water"]},
        geometry=gpd.points_from_xy([0.0, 500_255.0], [0.0, 5_401_385.0]),
        crs=there.crs,
    )
    with pytest.warns(UserWarning, match="2 of 82 samples lie off the features or lack"):
        model = train(pd.concat([there, lost], ignore_index=True), features(), kind="nb")
    same = train(there, features(), kind="nb")
    assert_same_bits(stacked(model.predict(features())), stacked(same.predict(features())))


def test_a_fold_tunes_a_network() -> None:
    folds = np.arange(80) % 3
    tuned = train(points(), features(), kind="resnet50", threads=1, folds=folds, **SMALL)
    plain = train(points(), features(), kind="resnet50", threads=1, **SMALL)
    assert tuned.classifier.temperature != 1.0  # type: ignore[attr-defined]
    assert plain.classifier.temperature == 1.0  # type: ignore[attr-defined]


def test_doubtful_labels_do_not_teach_on_request() -> None:
    own, wrong = table(240), np.arange(240) % 5 == 0
    right = (own["class"] == "mine").to_numpy()
    own["class"] = np.where(right ^ wrong, "mine", "water")
    with pytest.warns(UserWarning, match=r"\d+ samples with doubtful labels left out"):
        model = train(own, kind="knn", doubtful_labels="leave_out", folds=np.arange(240) % 3)
    read = model.classifier.predict_centres(own[list(LAYERS)].to_numpy()[:, :, None, None])
    found = np.array(model.classifier.classes)[read.argmax(axis=1)] == model.classes["mine"]
    assert (found == right)[wrong].mean() > 0.5  # each is its own nearest neighbour otherwise


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"kind": "transformer"}, "kind='transformer': no kind of model 'transformer'; there are"),
        ({"window": 4}, "window is 4; it must be odd|window=4: .*"),
        ({"windows": 5}, r"windows=5: unknown; is it window\?; there are kind, options"),
        ({"layers": ["VV"]}, "layers: the table has no column VV"),
        ({"column": "label"}, "column='label': the table has class, summer_NDVI, summer_B4"),
        ({"kind": "resnet50"}, "kind='resnet50' reads patches, .* give the features too"),
        ({"classes": {"mine": 1}}, "water: none of the classes"),
        ({"classes": {"mine": 1, "water": 1}}, "a code of its own"),
        ({"classes": {**CLASSES, "road": 9}}, "no complete sample of class road"),
        ({"threads": 0}, "threads=0"),
        ({"column": ["class"]}, "column=.*give the name of one column"),
        ({"threads": "2"}, "threads='2': give a whole number"),
        ({"classes": {"mine": 1, "water": 300}}, "a code of its own, 1 to 255"),
        ({"classes": ["mine", "water"]}, "classes=.*give the code of each by its name"),
        ({"layers": [LAYERS[0]] * 2}, "layers: summer_NDVI more than once"),
        ({"layers": ["class"]}, "layers: class is no column of numbers"),
        ({"layers": 3}, "layers=3: give a list of names"),
        ({"folds": ["a"] * 80}, "folds: give a whole number for each sample"),
        ({"folds": [1, 2]}, "folds: 2 of them for 80 samples"),
        ({"kind": "knn", "class_weights": "balanced"}, "knn learns from points alone"),
        ({"doubtful_labels": "leave_out"}, "judges labels by models of other folds; give folds"),
    ],
)
def test_impossible_arguments_are_refused(how: dict[str, Any], message: str) -> None:
    with pytest.raises((DataError, SurveyError), match=f"^mc.train: .*{message}"):
        train(table(), **how)


def labelled(array: Any) -> xr.DataArray:
    template = features().isel(layer=0, drop=True)
    return template.copy(data=array)


def labels() -> Float32Array:
    codes = np.where(values()[0] > 0, 1.0, 3.0).astype(np.float32)
    codes[:70, :70] = np.nan
    return codes


def test_every_pixel_of_a_labelled_raster_is_trained_on() -> None:
    lazy = features(da.from_array(values(), chunks=(1, 64, 64)))
    streamed = train(labelled(labels()), lazy, kind="nb", classes=CLASSES)
    use = np.isfinite(values()).all(axis=0) & np.isfinite(labels())
    drawn = pd.DataFrame(dict(zip(LAYERS, values()[:, use], strict=True)))
    drawn["class"] = labels()[use].astype(int)
    whole = train(drawn, kind="nb", classes=CLASSES)
    assert streamed.classes == whole.classes == CLASSES
    found, expected = (stacked(m.predict(features())) for m in (streamed, whole))
    np.testing.assert_allclose(found[2:], expected[2:], atol=1e-4)


class Held(Callback):  # type: ignore[misc]
    """The most tables of pixels that Dask holds at once."""

    most = 0

    def _posttask(self, key: Any, result: Any, dsk: Any, state: Any, worker: Any) -> None:
        cached = [part for value in state["cache"].values() for part in as_tuple(value)]
        tables = [p for p in cached if isinstance(p, np.ndarray) and p.ndim == 2 and len(p) > 2]
        self.most = max(self.most, sum(table.shape[1] == len(LAYERS) for table in tables))


def as_tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def test_blocks_of_a_labelled_raster_are_computed_when_they_are_trained_on() -> None:
    cut = features(da.from_array(values(), chunks=(2, 16, 16)))
    raster = LabelledRaster.of(labelled(labels()), cut, CLASSES)
    data, counts = raster.sample()
    stream = raster.stream(data.classes, counts)
    task = TrainingTask.of(ModelSettings(kind="ann"), EngineSettings(), data, Path())
    with Held() as held:
        MODELS["ann"].fit_streamed(task, stream)
    assert stream.pixels.numblocks[0] > 80
    assert 0 < held.most <= 4


def test_a_perceptron_learns_from_a_labelled_raster() -> None:
    model = train(labelled(labels()), features(), kind="ann", seed=1)
    again = train(labelled(labels()), features(), kind="ann", seed=1)
    assert model.classes == {"1": 1, "3": 3}
    found = model.predict(features())
    known = np.isfinite(labels()) & np.isfinite(found.landuse.values)
    assert (found.landuse.values == labels())[known].mean() > 0.95
    assert_same_bits(stacked(again.predict(features())), stacked(found))


@pytest.mark.parametrize(
    ("given", "how", "message"),
    [
        (labelled(labels()), {"kind": "rf"}, "chunk by chunk: ann, nb"),
        (labelled(labels())[1:], {}, "other y than the features"),
        (labelled(np.ones((HEIGHT, WIDTH), np.int64)), {}, "1 class.* at least 2 are needed"),
        (labelled(labels() + 0.5), {}, "a whole number from 1 to 255"),
        (labelled(labels()), {"classes": {"mine": 1, "road": 2}}, "labels 3: none of the classes"),
        (labelled(labels()), {"class_weights": "balanced"}, "class_weights"),
        (labelled(labels()), {"doubtful_labels": "leave_out"}, "doubtful_labels is for points"),
    ],
)
def test_other_labelled_rasters_are_refused(
    given: xr.DataArray, how: dict[str, Any], message: str
) -> None:
    with pytest.raises((DataError, SurveyError), match=f"^mc.train: .*{message}"):
        train(given, features(), **{"kind": "nb", **how})


def test_the_kinds_that_stream_are_those_of_partial_fits() -> None:
    assert {kind.name for kind in MODELS if kind.streams} == {"ann", "nb"}


def test_identifiers_and_coordinates_are_no_layers() -> None:
    own = table()
    more = own.assign(fid=range(80), Lon=7.1, LAT=50.2, OBJECTID=1, Fold=2)
    assert train(more, kind="nb").layers == LAYERS
    assert train(more, kind="nb", layers="summer_NDVI").layers == ("summer_NDVI",)


def test_a_column_that_is_the_class_is_refused() -> None:
    left = table().assign(kind=lambda own: own["class"].map({"mine": 7, "water": 2}))
    with pytest.raises(SurveyError, match=r"^mc\.train: layers: the column kind is the class its"):
        train(left, kind="nb")
    assert train(left, kind="nb", layers=[*LAYERS, "kind"]).layers == (*LAYERS, "kind")


def test_a_table_without_points_is_refused() -> None:
    with pytest.raises(DataError, match=r"^mc\.train: the table has no points"):
        train(table()[:0], kind="nb")
    with pytest.raises(SurveyError, match=r"^mc\.train: samples is a list"):
        train([1, 2], kind="nb")  # type: ignore[arg-type]


def test_a_model_shows_its_layers(bayes: Model) -> None:
    assert "layers=['summer_NDVI', 'summer_B4']" in repr(bayes)
    wide = table().assign(**{f"b{number}": np.arange(80.0) for number in range(9)})
    assert repr(train(wide, kind="nb")).endswith("'b0', 'b1', 'b2', 'b3', … 11 in all])")


def test_a_labelled_raster_names_its_classes() -> None:
    flags = {"flag_values": [1, 2, 3], "flag_meanings": "mine road water"}
    named = train(labelled(labels()).assign_attrs(flags), features(), kind="nb", threads=1)
    assert named.classes == {"mine": 1, "water": 3}
    with pytest.raises(SurveyError, match="a code of its own, 1 to 255"):
        train(labelled(labels()), features(), kind="nb", classes={"mine": 1, "water": 300})
