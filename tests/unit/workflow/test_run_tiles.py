"""The driver on stubbed kernels: resume, other settings, failed tiles, retry, shares, status."""

from __future__ import annotations

import io
import json
import logging
import time
import tracemalloc
from dataclasses import asdict
from pathlib import Path

import pytest
from rich.console import Console

from minecover.api.tables import duration
from minecover.commands.status_table import print_status
from minecover.errors import DataError, StoreError, SurveyError, TryAgainError
from minecover.geography.grid import Tile
from minecover.ledger.markers import Ledger, TileMarkers
from minecover.ledger.stage_order import StageOrder
from minecover.ledger.status import StageStatus, survey_status
from minecover.ledger.steps import Step
from minecover.storage import bucket
from minecover.storage.identity import known_store
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.testing.stages import number_stages, tile_survey
from minecover.workflow import waiting
from minecover.workflow.progress import Silent
from minecover.workflow.retry import TileChoice, retry
from minecover.workflow.run import Run
from minecover.workflow.share import do_share
from minecover.workflow.stage import Stage
from minecover.workflow.tile_log import LOGGER, logging_tiles

NAMES = ("catalog", "cube", "features")
ORDER = StageOrder(dict.fromkeys(NAMES, "neighbours"))
BAD = ("r0000c0001",)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "POLL", 0.02)


def do(survey: Survey, stages: tuple[Stage, ...], last: str = "features", **how: bool) -> Silent:
    progress = Silent()
    Run(survey, stages, progress).until(last, **how)
    return progress


def rasters(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for name in ("cube.zarr", "features.zarr")
        for path in sorted((folder / name).rglob("*"))
        if path.is_file()
    }


def markers_of(folder: Path, stage: str = "cube") -> TileMarkers:
    ledger = Ledger(Store(str(folder)))
    layout = ledger.layout(stage)
    assert layout is not None
    return TileMarkers(ledger.store, stage, layout["fingerprint"])


@pytest.fixture
def survey(tmp_path: Path) -> Survey:
    return tile_survey(str(tmp_path / "store"), 2, 3)


@pytest.fixture
def reference(tmp_path: Path) -> dict[str, bytes]:
    fresh = tmp_path / "fresh"
    do(tile_survey(str(fresh), 2, 3), number_stages())
    return rasters(fresh)


def test_every_tile_is_done_once_and_rerunning_does_nothing(
    survey: Survey, reference: dict[str, bytes]
) -> None:
    first = do(survey, number_stages())
    assert (first.counts, first.done) == ({"done": 12}, list(NAMES))
    assert rasters(Path(survey.store)) == reference
    second = do(survey, number_stages())
    assert (second.counts, second.done) == ({}, [])


def test_going_back_to_earlier_settings_finds_no_stale_marks(
    survey: Survey, reference: dict[str, bytes]
) -> None:
    do(survey, number_stages("A"))
    with pytest.raises(DataError):
        do(survey, number_stages("B", bad=BAD))
    assert Ledger(Store(survey.store)).stage("cube") is None
    told = do(survey, number_stages("A"))
    assert told.counts == {"done": 6}  # the features of A were not touched
    assert rasters(Path(survey.store)) == reference
    assert len(Ledger(Store(survey.store)).all_markers("cube")) >= 1
    left = [key.split("/")[2] for key in Store(survey.store).names("ledger/cube")]
    assert len([name for name in left if name != "generations"]) == 6 + 2  # stage and layout


def test_a_raster_that_was_deleted_is_made_again(
    survey: Survey, reference: dict[str, bytes]
) -> None:
    do(survey, number_stages())
    Store(survey.store).delete("cube.zarr")
    Ledger(Store(survey.store)).reopen_stage("cube")
    assert do(survey, number_stages()).counts == {"done": 6}
    assert rasters(Path(survey.store)) == reference


def test_again_does_every_tile_again(survey: Survey, reference: dict[str, bytes]) -> None:
    do(survey, number_stages())
    assert do(survey, number_stages(), "cube", again=True).counts == {"done": 6}
    assert do(survey, number_stages()).counts == {"done": 6}  # the features, made from it
    assert rasters(Path(survey.store)) == reference


def test_a_tile_set_aside_is_tried_again_by_the_next_run(
    survey: Survey, reference: dict[str, bytes]
) -> None:
    with pytest.raises(
        DataError, match=r"cube: 1 tile\(s\) failed because their data is bad"
    ) as caught:
        do(survey, number_stages(bad=BAD))
    assert "r0000c0001: B04 is truncated" in str(caught.value)
    assert do(survey, number_stages()).counts == {"done": 1 + 6}
    assert rasters(Path(survey.store)) == reference


def test_a_survey_that_skips_goes_on_until_retry(
    tmp_path: Path, reference: dict[str, bytes]
) -> None:
    survey = tile_survey(str(tmp_path / "store"), 2, 3, bad_tiles="skip")
    told = do(survey, number_stages(bad=BAD))
    assert told.counts == {"done": 10, "failed": 2}
    facts = Run(survey, number_stages(), Silent()).facts()["cube"]["facts"]
    assert facts == {"tiles": 6, "skipped": {BAD[0]: f"{BAD[0]}: B04 is truncated"}}
    assert do(survey, number_stages()).counts == {}
    chosen = retry(Store(survey.store), TileChoice(failed=True), ORDER)
    assert chosen == {"cube": [*BAD]}  # with its features, which are neighbours of it, all six
    assert do(survey, number_stages()).counts == {"done": 1 + 6}
    assert rasters(Path(survey.store)) == reference


def test_retry_chooses_by_name_time_and_stage(survey: Survey) -> None:
    do(survey, number_stages())
    store = Store(survey.store)
    with pytest.raises(SurveyError, match="--failed, --tile or --since"):
        retry(store, TileChoice(), ORDER)
    with pytest.raises(SurveyError, match="stages with tiles: cube, features"):
        retry(store, TileChoice(failed=True, stage="catalog"), ORDER)
    assert retry(store, TileChoice(failed=True), ORDER) == {}
    assert retry(store, TileChoice(since=time.time() + 60), ORDER) == {}
    named = TileChoice(tiles=("r0001c0002", "r0009c0009"), stage="features")
    assert retry(store, named, ORDER) == {"features": ["r0001c0002"]}
    assert do(survey, number_stages()).counts == {"done": 1}
    assert len(retry(store, TileChoice(since=time.time() - 60), ORDER)["cube"]) == 6
    assert do(survey, number_stages()).counts == {"done": 12}


def test_shares_do_what_one_process_does(survey: Survey, reference: dict[str, bytes]) -> None:
    stages, silent = number_stages(), Silent()
    with pytest.raises(TryAgainError, match="stage catalog is not done"):
        do_share(survey, "cube", 0, 4, silent, stages)
    do(survey, stages, "catalog")
    with pytest.raises(TryAgainError, match="stage cube is not done"):
        do_share(survey, "features", 0, 4, silent, stages)
    for stage in ("cube", "features"):
        for index in range(4):
            facts = do_share(survey, stage, index, 4, silent, stages)
            assert facts["tiles"] == (1, 2, 1, 2)[index]
        # whoever runs the survey afterwards only writes the marker
        assert do(survey, stages, stage).counts == {}
    assert silent.counts == {"done": 12}
    assert rasters(Path(survey.store)) == reference


def test_a_share_leaves_what_is_set_aside(survey: Survey) -> None:
    stages, silent = number_stages(bad=BAD), Silent()
    do(survey, stages, "catalog")
    for _ in range(2):
        with pytest.raises(DataError, match="r0000c0001: B04 is truncated"):
            do_share(survey, "cube", 1, 2, silent, stages)
    do_share(survey, "cube", 0, 2, silent, stages)
    assert silent.counts == {"done": 5, "failed": 1}


@pytest.mark.parametrize(
    ("stage", "index", "told"),
    [("train", 0, "it has no tiles"), ("cube", 3, "an index from 0 to 2")],
)
def test_a_share_that_cannot_be_is_refused(
    survey: Survey, stage: str, index: int, told: str
) -> None:
    with pytest.raises(SurveyError, match=told):
        do_share(survey, stage, index, 3, Silent(), number_stages())


def test_a_worker_of_other_settings_does_not_write(survey: Survey) -> None:
    """While one run is at its tiles, another lays the raster out anew."""
    ledger = Ledger(Store(survey.store))

    class Rude(Silent):
        def tile(self, outcome: object) -> None:
            do(survey, number_stages("B"), "cube")

    with pytest.raises(TryAgainError, match="another run with other settings replaced cube"):
        Run(survey, number_stages("A"), Rude()).until("cube")
    assert ledger.stage("cube") is not None
    fingerprint = dict(Run(survey, number_stages("B"), Silent()).fingerprints())["cube"]
    assert ledger.is_stage_done("cube", fingerprint)


def test_tiles_of_a_worker_that_is_gone_are_taken_when_its_lease_ends(tmp_path: Path) -> None:
    survey = tile_survey(str(tmp_path / "store"), 2, 3, lease=0.5)
    with pytest.raises(DataError):
        do(survey, number_stages(bad=BAD), "cube")
    markers = markers_of(tmp_path / "store")
    markers.reopen(BAD[0])
    markers.leases(0.5).take(BAD[0])  # by somebody who is never heard of again
    start = time.perf_counter()
    assert do(survey, number_stages(), "cube").counts == {"done": 1}
    assert 0.3 < time.perf_counter() - start < 5
    known = markers.done(BAD[0])
    assert known is not None
    assert known["attempt"] == 2


def test_a_tile_that_kills_every_worker_is_set_aside(tmp_path: Path) -> None:
    survey = tile_survey(str(tmp_path / "store"), 1, 3, lease=0.01, bad_tiles="skip")
    do(survey, number_stages(), "cube")
    markers = markers_of(tmp_path / "store")
    markers.reopen("r0000c0000")
    for _ in range(5):
        markers.leases(0.01).take("r0000c0000")
        time.sleep(0.02)
    facts = do_share(survey, "cube", 0, 1, Silent(), number_stages())
    assert facts["skipped"] == 1
    assert "its worker died 5 times" in str(markers.reason("r0000c0000"))
    Ledger(markers.store).reopen_stage("cube")
    assert do(survey, number_stages(), "cube").counts == {"done": 1}  # by a person's command


def test_one_line_of_json_a_tile(
    survey: Survey, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "tiles.jsonl"
    with pytest.raises(DataError), logging_tiles(str(log)):
        do(survey, number_stages(bad=BAD))
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["outcome"] for line in lines] == ["done", "failed", *4 * ["done"]]
    assert lines[0]["tile"] == "r0000c0000"
    assert lines[0]["stage"] == "cube"
    assert lines[0]["seconds"] >= 0
    assert "B04 is truncated" in lines[1]["error"]
    with logging_tiles("-"):
        do(survey, number_stages(), "cube")
    assert json.loads(capsys.readouterr().out)["tile"] == BAD[0]
    assert LOGGER.level == logging.NOTSET
    with pytest.raises(StoreError, match="--log"), logging_tiles(str(tmp_path)):
        pass


def test_status_tells_what_the_ledger_holds(tmp_path: Path) -> None:
    store = tmp_path / "store"
    with pytest.raises(StoreError, match="no survey was begun here"):
        known_store(str(store))
    survey = tile_survey(str(store), 2, 3, lease=60)
    with pytest.raises(DataError):
        do(survey, number_stages(bad=("r0000c0001", "r0001c0002")))
    markers = markers_of(store)
    for tile in ("r0000c0000", "r0000c0002"):
        markers.reopen(tile)
    markers.leases(60).take("r0000c0000")
    markers.leases(1e-9).take("r0000c0002")
    before = {path: path.stat().st_mtime_ns for path in store.rglob("*")}
    catalog, cube, features = survey_status(known_store(str(store)), NAMES)
    assert {path: path.stat().st_mtime_ns for path in store.rglob("*")} == before
    assert (catalog.state, catalog.tiles, features) == ("done", None, StageStatus("features"))
    assert (cube.state, cube.tiles, cube.done, cube.failed) == ("running", 6, 2, 2)
    assert (cube.running, cube.expired, cube.retries) == (1, 1, 0)
    assert cube.reasons == {
        "r0000c0001: B04 is truncated": 1, "r0001c0002: B04 is truncated": 1,
    }  # fmt: skip
    assert cube.rate is not None
    assert cube.left == pytest.approx(2 / cube.rate)
    json.dumps(asdict(cube), allow_nan=False)


def test_status_fits_a_narrow_terminal() -> None:
    console = Console(width=80, file=io.StringIO(), color_system=None)
    full = StageStatus(
        "features", "running", None, 100_000, 62_345, 1_024, 17, 103, 1_205, 12.34, 259_000.0,
        {"scene S2A/B04.tif is truncated": 103},
    )  # fmt: skip
    step = Step(12, 50, "epochs of the tuning", "loss 0.7123, held out 0.8342", 340.0)
    train = StageStatus("train", "running", left=340.0, step=step)
    print_status(
        console, [StageStatus("catalog", "done", 1.2), full, train, StageStatus("predict")]
    )
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    for figure in ("62,345", "100,000", "1,024", "17", "103", "1,205", "12.3", "3.0 d", "1 s"):
        assert figure in text
    assert "103 x scene S2A/B04.tif is truncated" in text
    told = "train: 12 of 50 epochs of the tuning, loss 0.7123, held out 0.8342, 6 min left"
    assert told in text.replace("\n", " ")


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.4, "0 s"), (99, "99 s"), (100, "2 min"), (5_400, "90 min"), (7_380, "2 h 03")],
)
def test_durations_are_said_as_people_do(seconds: float, told: str) -> None:
    assert duration(seconds) == told


def test_what_a_driver_keeps_does_not_grow_with_the_tiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """900 tiles in CI; 100,000 in `benchmarks/bench_ledger.py`."""
    monkeypatch.setattr(bucket, "PAGE", 200)  # of either number there are full pages
    grown = {}
    for attempt in range(2):
        for columns in (20, 45):
            survey = tile_survey(str(tmp_path / f"{columns}-{attempt}"), 20, columns)
            run = Run(survey, number_stages(writes=False), Silent())
            run.until("catalog")
            assert len(run.grid.tiles) == 20 * columns  # laid before: the grid's memory is its own
            tracemalloc.start()
            run.until("cube")
            grown[columns] = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        # Python's own table of names, into which pathlib puts every part of a path, may just then
        # have been doubled: never twice
        if grown[45] - grown[20] < 100_000:  # bytes, for 500 tiles more
            break
    else:
        pytest.fail(f"{grown} bytes")


def test_a_board_ignores_names_that_are_no_tiles_of_the_stage() -> None:
    from minecover.ledger.open_tiles import OpenTiles

    open_tiles = OpenTiles([Tile(0, 0), Tile(1, 2)])
    open_tiles.settle_names(["r0000c0001", "r0007c0000", "r0000c0000.json", "x", "r0001c0002"])
    assert list(open_tiles.open()) == [Tile(0, 0)]
    assert not open_tiles.settle(Tile(1, 2))
