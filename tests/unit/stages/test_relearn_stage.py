"""The stage of a survey in which a network learns from the maps of its periods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from pydantic import ValidationError

from minecover.arrays import Float32Array
from minecover.engines.base import TileJob
from minecover.errors import DataError, StoreError, SurveyError
from minecover.kubernetes.inputs import INPUTS, local_files, pod_survey
from minecover.kubernetes.jobs import jobs_of
from minecover.kubernetes.request import Request, check_request
from minecover.models.network.period_reader import PeriodReader
from minecover.planning.constants import cost_key, shipped
from minecover.planning.traffic import traffic
from minecover.planning.work import workload
from minecover.prediction.map_layers import map_arrays
from minecover.stages.combine import COMBINE, CombineJob
from minecover.stages.period_ground import StoredPeriods, network_layers
from minecover.stages.registry import stage_names, stages_of
from minecover.stages.relearn import RELEARN, relearn_periods
from minecover.storage.names import (
    FEATURES_RASTER,
    FORMAT,
    MAP_RASTER,
    PERIOD_NETWORK_FILE,
    READINGS_RASTER,
    SURVEY_FILE,
)
from minecover.storage.raster_array import feature_array
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.survey.grid import survey_grid
from minecover.workflow.layout import Target
from minecover.workflow.progress import Facts
from minecover.workflow.stage import StageContext, Workspace
from small_map import survey

YEARS = ("2019", "2021")
NETWORK = {"steps": 2, "channels": 8}
SHAPE = (60, 150)
FOREST, WATER, MINE = 0, 1, 2


def no_tiles(target: Target, job: TileJob) -> Facts:
    raise AssertionError(f"{job} on {target}: it has no tiles")


def plan(folder: Path, tile: int = 64, **network: object) -> Survey:
    """Two periods of an area of 60 x 150 pixels."""
    periods = {year: {"seasons": {"summer": [f"{year}-06-01/{year}-08-31"]}} for year in YEARS}
    return survey(
        area={"bbox": [585420, 5648240, 586920, 5648840], "crs": "EPSG:32633"},
        grid={"crs": "EPSG:32633", "resolution": 10, "tile": tile},
        seasons=periods[YEARS[-1]]["seasons"],
        periods=periods,
        sources={"sentinel2": {}},
        features={"indices": ["NDVI"]},
        engine={"training": "local", "workers": 1, "threads": 1},
        change={"network": {**NETWORK, **network}},
        store=str(folder / "store"),
    )


def classes(year: str) -> np.ndarray:
    """Places of the classes: a mine that grows east into the forest."""
    return np.where(np.arange(SHAPE[1]) < (50 if year == "2019" else 90), MINE, FOREST)


def begun(its: Survey) -> Survey:
    """Write features, by which a mine is bright, and readings of a survey."""
    store, grid, layers = Store(its.store), survey_grid(its), its.feature_catalogue().layers
    store.write_json(
        SURVEY_FILE,
        {"format": FORMAT, "minecover": "0", "name": "small", "grid": {"crs": "EPSG:32633"}},
    )
    features = store.create_layers(FEATURES_RASTER, grid, (feature_array(layers),), {}, YEARS)
    arrays = map_arrays(its.prediction, its.class_codes)
    readings, maps = (
        store.create_layers(name, grid, arrays, {}, YEARS) for name in (READINGS_RASTER, MAP_RASTER)
    )
    rng = np.random.default_rng(0)
    for year in YEARS:
        here = np.broadcast_to(classes(year), SHAPE)
        values = rng.normal(np.where(here == MINE, 0.4, 0.1), 0.02, (len(layers), *SHAPE))
        read = np.full((len(readings.names), *SHAPE), 0.02, dtype=np.float32)
        for place, name in enumerate(its.class_codes):
            read[readings.names.index(f"probability_{name}")] += 0.94 * (here == place)
        for part in grid.tiles:
            window = grid.window(part)
            cut = (slice(None), *window.slices)
            padded = _padded(values.astype(np.float32)[cut], window.shape)
            features.write_tile(grid, replace(part, period=year), padded)
            readings.write_tile(grid, replace(part, period=year), _padded(read[cut], window.shape))
    assert maps.names == readings.names
    return its


def _padded(values: Float32Array, shape: tuple[int, int]) -> Float32Array:
    assert values.shape[1:] == shape  # the area fills its grid
    return values


@pytest.fixture(scope="module")
def its(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    return begun(plan(tmp_path_factory.mktemp("survey")))


def context(its: Survey, fingerprint: str = "1") -> StageContext:
    return StageContext(Workspace(its, (RELEARN, COMBINE)), "relearn", fingerprint, no_tiles)


def reference(folder: Path, bands: int = 2, *, crs: str | None = "EPSG:32633") -> Path:
    """A map of others in class codes, unknown in its first ten columns."""
    codes = np.array([2, 3, 7], dtype=np.uint8)
    path = folder / f"reference_{bands}_{crs is None}.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=SHAPE[1], height=SHAPE[0], count=bands, dtype="uint8",
        crs=crs, transform=rasterio.Affine(10, 0, 585420, 0, -10, 5648840), nodata=0,
    ) as file:  # fmt: skip
        for band, year in zip(range(1, bands + 1), YEARS * bands, strict=False):
            known = np.broadcast_to(codes[classes(year)], SHAPE).copy()
            known[:, :10] = 0
            file.write(known, band)
    return path


def test_only_surveys_that_ask_for_it_have_it(tmp_path: Path) -> None:
    asked = plan(tmp_path)
    assert stage_names(asked)[-3:] == ("relearn", "combine", "publish")
    assert "relearn" not in stage_names(asked.replace(change__network=None))
    assert not asked.in_period("2019").reads_again
    told = asked.model_dump(exclude={"periods"})
    with pytest.raises(ValidationError, match=r"change\.network reads periods together, and the"):
        Survey.model_validate(told)
    with pytest.raises(SurveyError, match="it reads periods that are combined"):
        asked.replace(change__combine=False)
    with pytest.raises(ValidationError, match="reference and carried_from"):
        plan(tmp_path, reference="map.tif", carried_from="store")


def test_it_reads_what_was_observed_in_seasons(its: Survey) -> None:
    names, sharp = network_layers(its)
    assert names[:3] == ("summer_B2", "summer_B3", "summer_B4")
    assert "summer_NDVI" not in names
    assert [name for name, known in zip(names, sharp, strict=True) if known] == [
        "summer_B2", "summer_B3", "summer_B4", "summer_B8",
    ]  # fmt: skip


@pytest.mark.parametrize("tile", [64, 96])
def test_blocks_do_not_depend_on_the_tiles(its: Survey, tmp_path: Path, tile: int) -> None:
    other = begun(plan(tmp_path, tile))
    names, _ = network_layers(its)
    here, there = (StoredPeriods(one.store, one) for one in (its, other))
    for seed in range(4):
        block, same = (g.block(np.random.default_rng(seed), 32, names[:2]) for g in (here, there))
        np.testing.assert_array_equal(block.layers, same.layers)
        np.testing.assert_array_equal(block.places, same.places)
        np.testing.assert_array_equal(block.sure, same.sure)
        # by the readings, as they are combined
        bright = block.layers[:, 0] > 0.25
        np.testing.assert_array_equal(block.places, np.where(bright, MINE, FOREST))
        assert block.sure.shape == block.places.shape
        assert ((block.sure > 0.5) & (block.sure < 1)).all()
    # larger than the area: mirrored
    assert np.isfinite(here.block(np.random.default_rng(0), 200, names[:1]).layers).all()


def test_the_network_is_kept_and_combined_maps_are_of_it(its: Survey) -> None:
    facts = relearn_periods(context(its))
    assert (facts["steps"], facts["layers"]) == (2, 10)
    reader = PeriodReader.load(Store(its.store))
    assert reader.layers == network_layers(its)[0]
    assert reader.classes == its.class_codes
    grid, store = survey_grid(its), Store(its.store)
    for part in grid.tiles:
        assert CombineJob(its.store, its, "1")(part)["nodata_share"] == 0
    window = grid.window(grid.tiles[0])
    found = store.layers(MAP_RASTER, "2019").read(window)
    alone = its.replace(change__network=None)
    for part in grid.tiles:
        CombineJob(its.store, alone, "2")(part)
    assert (found != store.layers(MAP_RASTER, "2019").read(window)).any()


def test_a_reference_is_learned_from_where_it_knows_a_class(its: Survey, tmp_path: Path) -> None:
    given = its.replace(change__network={**NETWORK, "reference": str(reference(tmp_path))})
    ground = StoredPeriods(given.store, given)
    names, _ = network_layers(its)
    block = ground.block(np.random.default_rng(0), 200, names[:1])
    known = block.places[:, :60, :150]
    assert (block.sure == 1).all()
    assert (block.places[:, 60:] == -1).all()
    assert (known[:, :, :10] == -1).all()
    for period, year in zip(known, YEARS, strict=True):
        np.testing.assert_array_equal(period[:, 10:], np.tile(classes(year)[10:], (60, 1)))
    few = [ground.block(np.random.default_rng(seed), 8, names[:1]) for seed in range(40)]
    assert all((block.places >= 0).any() for block in few)
    assert relearn_periods(context(given))["steps"] == 2
    lines = list(RELEARN.check(Workspace(given, stages_of(given))))
    assert lines == ["change.network.reference: 2 bands, one for each period"]


@pytest.mark.parametrize(
    ("bands", "crs", "error", "message"),
    [
        (1, "EPSG:32633", SurveyError, "has 1 bands, and the survey 2 periods; give a raster"),
        (3, "EPSG:32633", SurveyError, "has 3 bands, and the survey 2 periods; give a raster"),
        (2, None, DataError, r"^change\.network\.reference: .*has no CRS; save it with one"),
    ],
)
def test_a_reference_that_does_not_fit_is_named(
    its: Survey, tmp_path: Path, bands: int, crs: str | None, error: type, message: str
) -> None:
    path = reference(tmp_path, bands, crs=crs)
    given = its.replace(change__network={**NETWORK, "reference": str(path)})
    with pytest.raises(error, match=message):
        list(RELEARN.check(Workspace(given, stages_of(given))))


def test_a_network_is_carried_to_a_survey_that_fits(its: Survey, tmp_path: Path) -> None:
    relearn_periods(context(its))
    there = begun(plan(tmp_path)).replace(change__network={"carried_from": its.store})
    assert relearn_periods(context(there))["from"] == "small"
    read = [Store(one.store).read(PERIOD_NETWORK_FILE) for one in (its, there)]
    assert read[0] == read[1] is not None
    lines = list(RELEARN.check(Workspace(there, stages_of(there))))
    assert lines == [f"change.network.carried_from: the network of {its.store} fits"]

    def refused(one: Survey, message: str, error: type = SurveyError) -> None:
        with pytest.raises(error, match=message):
            list(RELEARN.check(Workspace(one, stages_of(one))))

    refused(its.replace(change__network={"carried_from": its.store}), "is the survey's own store")
    renamed: list[dict[str, Any]] = [one.model_dump() for one in there.classes]
    renamed[0]["name"] = "wood"
    refused(there.replace(classes=renamed), r"knows forest_and_grass \(2\), .* wood \(2\)")
    season = {y: {"seasons": {"autumn": [f"{y}-09-01/{y}-10-31"]}} for y in YEARS}
    told = there.model_dump() | {"periods": season, "seasons": season["2021"]["seasons"]}
    refused(Survey.model_validate(told), "reads summer_B1.*, which this survey does not observe")
    Store(its.store).remove(PERIOD_NETWORK_FILE)
    refused(there, r"network\.safetensors: missing; run `minecover relearn`", DataError)
    nowhere = there.replace(change__network={"carried_from": str(tmp_path / "nowhere")})
    refused(nowhere, "nowhere", StoreError)


def test_what_it_is_made_of_is_in_its_fingerprint(its: Survey, tmp_path: Path) -> None:
    def depends_on(one: Survey = its, **network: object) -> object:
        given = one.replace(change__network={**NETWORK, **network})
        return RELEARN.depends_on(Workspace(given, stages_of(given)))

    same = depends_on()
    assert depends_on(weight=2.0) == same  # that is for the combination
    changed: Mapping[str, object] = {"steps": 3, "channels": 16, "drawn_borders": 0.1, "seed": 1}
    for key, value in changed.items():
        assert depends_on(**{key: value}) != same
    assert depends_on(its.replace(change__persistence=0.8)) != same
    one, other = reference(tmp_path), tmp_path / "moved.tif"
    other.write_bytes(one.read_bytes())
    assert depends_on(reference=str(one)) == depends_on(reference=str(other)) != same
    other.write_bytes(reference(tmp_path, 1).read_bytes())
    assert depends_on(reference=str(one)) != depends_on(reference=str(other))
    with pytest.raises(SurveyError, match=r"change\.network\.reference: cannot read .*nowhere"):
        depends_on(reference=str(tmp_path / "nowhere.tif"))


def test_the_plan_knows_its_work(tmp_path: Path) -> None:
    few, many = (plan(tmp_path, steps=steps) for steps in (100, 200))
    work = workload(few, survey_grid(few))
    assert RELEARN.cost is not None
    assert 0 < 2 * RELEARN.cost.units(few, work) == RELEARN.cost.units(many, work)
    carried = few.replace(change__network={"carried_from": "there"})
    assert RELEARN.cost.units(carried, work) == 0
    read = [traffic(its, work, shipped(), ["relearn"])["relearn"].read for its in (few, many)]
    assert 0 < 2 * read[0] == read[1]
    without = few.replace(change__network=None)
    assert (cost_key("combine", few), cost_key("combine", without)) == (
        "combine:network", "combine",
    )  # fmt: skip
    assert {"relearn", "combine:network"} <= shipped().costs.keys()
    assert "relearn" in {job.step for job in jobs_of(few)}


def test_on_a_cluster_the_reference_goes_along_and_a_store_is_one_that_pods_see(
    tmp_path: Path,
) -> None:
    its = plan(tmp_path, reference=str(reference(tmp_path))).replace(
        catalog__url="https://example.org/catalog.json", store="s3://bucket/store"
    )
    name = "reference_2_False.tif"
    assert local_files(its)[name] == tmp_path / name
    assert f"reference: {INPUTS}/{name}" in pod_survey(its)
    carried = its.replace(change__network={"carried_from": "s3://bucket/there"})
    assert "carried_from: s3://bucket/there" in pod_survey(carried)
    check_request(carried, Request("image"))
    here = its.replace(change__network={"carried_from": "there"})
    with pytest.raises(SurveyError, match=r"change\.network\.carried_from: there is a folder of"):
        check_request(here, Request("image"))
