"""A whole survey of two periods: at once, and the second added to the first."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from distributed import LocalCluster

from _catalogs import EPSG, LEFT, TOP, CatalogWriter, survey_over
from minecover.api.export import export
from minecover.api.results import Results
from minecover.commands.stages import _show_results
from minecover.engines.base import Outcome
from minecover.errors import SurveyError
from minecover.geography.grid import Window
from minecover.stages.registry import stages_of
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.workflow.progress import Silent
from minecover.workflow.run import Run
from services.s3 import Server

# odc-geo 0.5 still calls a function that shapely 2.2 deprecates
pytestmark = pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")

SHAPE, TILE = (64, 128), 64
MINED = {2019: 32, 2023: 96}
"""Columns from which on the ground is mined, by year."""

AGAIN = {"steps": 3, "channels": 8}
"""A network that reads all periods again."""

OWN = ("ledger/", "plan.json", "survey.json", "calibration.json")
"""What tells of time, or of who did it."""


class Worked(Silent):
    """Remembers the stages that were done, with the tiles that were worked on."""

    def __init__(self) -> None:
        super().__init__()
        self.tiles: dict[str, list[str]] = {}
        self.stage = ""

    def started(self, stage: str, tiles: int | None, done: int) -> None:
        self.stage = stage
        self.tiles[stage] = []

    def tile(self, outcome: Outcome) -> None:
        self.tiles[self.stage].append(outcome.tile.name)


def scene(year: int, rng: np.random.Generator) -> np.ndarray:
    """Draw digital numbers of a year; of two values, so that the range of texture stays."""
    mined = np.arange(SHAPE[1]) >= MINED[year]
    return np.where(mined, 3000, 1000) + rng.choice([0, 200], SHAPE)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scenes of bright mines on dark ground in two years, and samples of both, dated."""
    folder = tmp_path_factory.mktemp("periods")
    writer, rng = CatalogWriter(folder / "catalog"), np.random.default_rng(0)
    table = []
    for year, first in MINED.items():
        mined = np.arange(SHAPE[1]) >= first
        for month in (6, 7):
            dn = scene(year, rng).astype(np.uint16)
            writer.sentinel2(f"{year}-{month}", f"{year}-0{month}-10T03:00:00Z", dn)
        for row, column in zip(*np.divmod(rng.choice(64 * 128, 60, False), 128), strict=True):
            name = "mine" if mined[column] else "ground"
            table.append((LEFT + 10 * column + 5, TOP - 10 * row - 5, name, f"{year}-06-30"))
    half = np.full((SHAPE[0], TILE), 1000, dtype=np.uint16)  # the first tile was not seen
    writer.sentinel2("2021-6", "2021-06-10T03:00:00Z", half, left=LEFT + 10 * TILE)
    points = pd.DataFrame(table, columns=["x", "y", "class", "date"])
    points.to_csv(folder / "both.csv", index=False)
    points[points["date"] < "2020"].to_csv(folder / "first.csv", index=False)
    writer.write()
    return folder


def survey(
    inputs: Path,
    store: str,
    *years: int,
    points: str = "first.csv",
    network: Mapping[str, object] | None = None,
    **engine: object,
) -> Survey:
    seasons = {str(year): {"summer": [f"{year}-06-01/{year}-08-31"]} for year in years}
    local = {"tiles": "local", "prediction": "local", "training": "local"}
    return survey_over(
        inputs / "catalog" / "catalog.json",
        SHAPE,
        seasons=seasons[str(years[-1])],
        periods={year: {"seasons": its} for year, its in seasons.items()},
        grid={"crs": f"EPSG:{EPSG}", "tile": TILE},
        samples={
            "path": str(inputs / points), "crs": f"EPSG:{EPSG}", "folds": 2, "block": 160,
        },
        features={"texture_window": 3, "texture_levels": 8},
        selection={"method": "all"},
        model={"kind": "nb"},
        change={"learn": True, "network": network},
        engine=local | engine,
        store=store if "://" in store else str(inputs / store),
    )  # fmt: skip


def run(its: Survey, last: str = "combine", **options: bool) -> Worked:
    progress = Worked()
    Run(its, stages_of(its), progress).until(last, **options)
    return progress


def files(its: Survey) -> dict[str, bytes]:
    """Give the bytes of all that is made, without who did it and when."""
    store = Store(its.store)
    return {key: store.read(key) or b"" for key in store.names("") if not key.startswith(OWN)}


def test_a_period_added_later_gives_the_bytes_of_a_run_that_had_it_from_the_start(
    inputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(survey(inputs, "later", 2019, network=AGAIN))
    later, at_once = (
        survey(inputs, name, 2019, 2023, network=AGAIN) for name in ("later", "at_once")
    )
    added = run(later)
    tiles = ["2023.r0000c0000", "2023.r0000c0001"]
    by_period = dict.fromkeys(("cube", "features", "predict"), tiles)
    # what a period shows bears on the maps of all
    both = {"relearn": [], "combine": ["r0000c0000", "r0000c0001"]}
    assert added.tiles == {"catalog": [], **by_period, **both}
    run(at_once)
    assert files(later) == files(at_once)
    # nothing was measured of a period without samples, and nothing is said of it
    assert list(Store(later.store).read_json("accuracy.json")["periods"]) == ["2019"]
    _show_results(later)
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in shown if line.split()[0] in later.periods] == [
        ["2019", "overall", "accuracy"], ["2023", "not", "measured:"],
    ]  # fmt: skip


def test_a_bucket_and_dask_give_the_bytes_of_a_folder_and_one_process(
    inputs: Path, s3: Server
) -> None:
    alone = survey(inputs, "at_once", 2019, 2023, network=AGAIN)
    run(alone)  # resumed where the test before has run
    bucket = f"s3://minecover/{uuid.uuid4().hex}"
    with LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
    ) as cluster:
        address = str(cluster.scheduler_address)
        on_dask = {"tiles": "dask", "prediction": "dask", "dask_address": address}
        far = survey(inputs, bucket, 2019, 2023, network=AGAIN, **on_dask)
        worked = run(far)
    assert sorted(worked.tiles["combine"]) == ["r0000c0000", "r0000c0001"]
    assert files(far) == files(alone)


def test_one_model_maps_every_period(inputs: Path, tmp_path: Path) -> None:
    its = survey(inputs, "both", 2019, 2023, points="both.csv")
    run(its)
    results = Results(Store(its.store), its)
    for year, first in MINED.items():
        landuse = results.map["landuse"].sel(period=str(year)).to_numpy()
        assert (landuse == np.where(np.arange(SHAPE[1]) >= first, 2, 1)).mean() > 0.98
    document = Store(its.store).read_json("accuracy.json")
    assert {name: sorted(splits) for name, splits in document["periods"].items()} == {
        "2019": ["random", "spatial_blocks"], "2023": ["random", "spatial_blocks"],
    }  # fmt: skip
    assert document["periods"]["2023"]["random"]["overall_accuracy"] > 0.95
    assert results.cube["reflectance"].dims == ("period", "season", "band", "y", "x")
    assert results.features.sel(period="2019").dims == ("layer", "y", "x")
    assert results.samples["period"].value_counts().to_dict() == {"2019": 60, "2023": 60}
    first = results.in_period("2019")
    assert first.map["landuse"].equals(results.map["landuse"].sel(period="2019", drop=True))
    assert first.readings["landuse"].dims == ("y", "x")
    assert results.in_period().period == "2023"
    with pytest.raises(SurveyError, match="no '2021'; the periods of the survey are: 2019, 2023"):
        results.in_period("2021")
    files = [export(part, tmp_path, bands="landuse") for part in (first, results)]
    assert [path.name for (path,) in files] == ["2019_landuse.tif", "2023_landuse.tif"]


@pytest.mark.parametrize("adaptation", ["recalibrate", "retrain"])
def test_a_model_is_carried_to_a_survey_of_periods(inputs: Path, adaptation: str) -> None:
    """From one of the first period to one of both, whose samples are of both, or are none."""
    there = survey(inputs, "there", 2019)
    run(there, "assess")
    its = survey(inputs, f"carried_{adaptation}", 2019, 2023, points="both.csv")
    its = its.replace(model__carried_from=there.store, model__adaptation=adaptation)
    run(its)
    results = Results(Store(its.store), its)
    for year, first in MINED.items():
        landuse = results.map["landuse"].sel(period=str(year)).to_numpy()
        assert (landuse == np.where(np.arange(SHAPE[1]) >= first, 2, 1)).mean() > 0.98
    document = Store(its.store).read_json("accuracy.json")
    assert list(document["periods"]) == ["2023"]  # it learned from the others
    assert document["splits"]["spatial_blocks"]["samples"] == 60
    assert document["carried"]["measured_here"]
    assert document["carried"]["known_to_model"] == 60
    assert Store(its.store).read("combined_accuracy.json") is None
    if adaptation == "retrain":
        return
    run(its.replace(samples={}))
    unknown = Store(its.store).read_json("accuracy.json")
    assert (unknown["splits"], unknown.get("periods")) == ({}, None)


def test_what_a_period_did_not_see_changes_nothing_and_is_filled_on_request(inputs: Path) -> None:
    """Between two periods that saw it, two steps over the gap are the one without it."""
    its = survey(inputs, "gap", 2019, 2021, 2023).replace(change__learn=False)
    run(its)
    known = survey(inputs, "at_once", 2019, 2023).replace(change__learn=False)
    run(known)  # where the first test has run, combined anew
    tile = Window(0, SHAPE[0], 0, TILE)

    def maps(of: Survey) -> dict[str, np.ndarray]:
        store = Store(of.store)
        return {year: store.layers("map.zarr", year).read(tile) for year in of.periods}

    gap, expected = maps(its), maps(known)
    assert np.isnan(gap.pop("2021")).all()
    for year, values in gap.items():
        np.testing.assert_array_equal(values[0], expected[year][0])
        np.testing.assert_allclose(values[1:], expected[year][1:], atol=1e-5)
    assert list(run(its.replace(change__fill=True)).tiles) == ["combine"]
    filled = maps(its)
    neighbours = np.stack([filled["2019"][0], filled["2023"][0]])
    assert (filled["2021"][0] == neighbours).any(axis=0).all()
    with pytest.raises(SurveyError, match=r"^periods\.2020: seasons\.summer: sentinel2 has"):
        run(survey(inputs, "none", 2019, 2020), "catalog")


def test_an_update_takes_up_the_scenes_of_the_latest_period_alone(
    inputs: Path, tmp_path: Path
) -> None:
    shutil.copytree(inputs, tmp_path, dirs_exist_ok=True)
    its = survey(tmp_path, "update", 2019, 2023)
    run(its, "predict")
    writer, rng = CatalogWriter(tmp_path / "catalog"), np.random.default_rng(1)
    folder = tmp_path / "catalog" / "sentinel-2-l2a"
    for place in sorted(folder.glob("*/item.json")):
        writer.items.setdefault("sentinel-2-l2a", []).append(json.loads(place.read_text()))
    for year in MINED:  # over the second tile
        dn = scene(year, rng)[:, TILE:].astype(np.uint16)
        when = f"{year}-08-10T03:00:00Z"
        writer.sentinel2(f"{year}-8", when, dn, left=LEFT + 10 * TILE)
    writer.write()
    assert run(its, "predict").tiles == {}
    updated = run(its, "predict", latest=True)
    one, both = ["2023.r0000c0001"], ["2023.r0000c0000", "2023.r0000c0001"]
    assert updated.tiles == {"catalog": [], "cube": one, "features": both, "predict": both}
    assert sorted(run(its, "predict", new_scenes=True).tiles["cube"]) == ["2019.r0000c0001"]


def test_periods_by_themselves_are_on_request(inputs: Path) -> None:
    """The same readings, as the maps or beside them; and back."""
    both = survey(inputs, "alone", 2019, 2023, points="both.csv")
    run(both)
    store, before = Store(both.store), files(both)
    window = Window(0, *SHAPE[:1], 0, *SHAPE[1:])
    readings, combined = (
        [store.layers(name, period).read(window) for period in both.periods]
        for name in ("readings.zarr", "map.zarr")
    )
    assert (readings[0] != combined[0]).any()
    alone = both.replace(change__combine=False)
    worked = run(alone, "predict")
    assert len(worked.tiles["predict"]) == 4
    assert store.read("readings.zarr/zarr.json") is None
    for period, reading in zip(both.periods, readings, strict=True):
        np.testing.assert_array_equal(store.layers("map.zarr", period).read(window), reading)
    run(both)
    assert files(both) == before
