"""What a run builds on is replaced while it goes on: the map must come from what is there now."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from minecover.engines.base import Outcome, TileFacts
from minecover.errors import DataError, InvalidatedError, TryAgainError
from minecover.geography.grid import Tile, Window
from minecover.ledger.invalidation import INVALIDATIONS, Invalidation, start_over
from minecover.ledger.markers import Ledger, TileMarkers
from minecover.ledger.stage_order import StageOrder
from minecover.storage.raster_array import stacked
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.survey.grid import survey_grid
from minecover.testing.stages import tile_survey
from minecover.workflow import run as run_module
from minecover.workflow import waiting
from minecover.workflow.layout import Target
from minecover.workflow.progress import Facts, Silent
from minecover.workflow.retry import TileChoice, retry
from minecover.workflow.run import Run
from minecover.workflow.stage import Stage, StageContext
from minecover.workflow.store_owner import take_store

NAMES = ("catalog", "cube", "features", "samples")
FIRST = "r0000c0000"
NAN = float("nan")


@dataclass
class Ground:
    """What the stub cube reads: one number a tile, or bad data."""

    value: float = 1.0
    bad: str = ""


GROUND = Ground()


@pytest.fixture(autouse=True)
def _ground(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "POLL", 0.02)
    GROUND.value, GROUND.bad = 1.0, ""


@dataclass(frozen=True)
class Job:
    """Writes what the ground is, or ten times what is in `source`."""

    survey: Survey
    raster: str
    source: str = ""

    def __call__(self, tile: Tile) -> TileFacts:
        grid, store = survey_grid(self.survey), Store(self.survey.store)
        window = grid.window(tile)
        if tile.name == GROUND.bad and not self.source:
            raise DataError(f"{tile.name}: B04 is truncated")
        values = np.full((1, *window.shape), GROUND.value, np.float32)
        if self.source:
            values = 10 * store.layers(self.source).read(window)
        store.layers(self.raster).write_tile(grid, tile, values)
        return {"pixels": 1}


def stages(version: str = "A", meanwhile: Callable[[], object] = bool) -> tuple[Stage, ...]:
    """Four stages, of which each is made from the one before; `meanwhile` is called in samples."""

    def catalog(context: StageContext) -> Facts:
        return {"items": 0}

    def cube(context: StageContext) -> Facts:
        workspace = context.workspace
        job = Job(workspace.survey, "cube.zarr")
        return context.do_tiles(Target("cube.zarr", (stacked(("n",)),)), job)

    def features(context: StageContext) -> Facts:
        workspace = context.workspace
        job = Job(workspace.survey, "features.zarr", "cube.zarr")
        return context.do_tiles(Target("features.zarr", (stacked(("n",)),)), job)

    def samples(context: StageContext) -> Facts:
        workspace = context.workspace
        found = values(workspace.survey, "features.zarr")
        meanwhile()
        workspace.store.write_json("samples.json", [repr(value) for value in found])
        return {}

    works = (catalog, cube, features, samples)
    version_of = {"cube": version}
    return tuple(
        Stage(
            name,
            "",
            lambda workspace, name=name: version_of.get(name),  # type: ignore[misc]
            work,
            has_tiles=lambda survey, name=name: name in ("cube", "features"),  # type: ignore[misc]
            reach="neighbours",
        )
        for name, work in zip(NAMES, works, strict=True)
    )


ORDER = StageOrder(dict.fromkeys(NAMES, "neighbours"))


class Meddling(Silent):
    """Calls `meddle` once, after so many tiles of a stage."""

    def __init__(self, stage: str, after: int, meddle: Callable[[], object]) -> None:
        super().__init__()
        self.stage, self.after, self.meddle = stage, after, meddle
        self.at, self.count = "", 0

    def started(self, stage: str, tiles: int | None, done: int) -> None:
        self.at = stage

    def tile(self, outcome: Outcome) -> None:
        super().tile(outcome)
        self.count += self.at == self.stage
        if self.at == self.stage and self.count == self.after:
            self.meddle()


def values(survey: Survey, name: str) -> list[float]:
    """One number a tile, in order of columns."""
    height, width = survey_grid(survey).shape
    read = Store(survey.store).layers(name).read(Window(0, height, 0, width))
    return [float(value) for value in read[0, ::32, ::32].ravel()]


def told(survey: Survey, name: str) -> object:
    return Store(survey.store).read_json(name)


def do(survey: Survey, last: str = "samples", version: str = "A", **how: bool) -> Silent:
    progress = Silent()
    Run(survey, stages(version), progress).until(last, **how)
    return progress


@pytest.fixture
def survey(tmp_path: Path) -> Survey:
    return tile_survey(str(tmp_path / "store"), 1, 3, bad_tiles="skip")


def fix_and_retry(survey: Survey) -> None:
    GROUND.bad = ""
    assert retry(Store(survey.store), TileChoice(failed=True), ORDER) == {"cube": [FIRST]}


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_tile_is_retried_while_features_are_computed(survey: Survey, after: int) -> None:
    GROUND.bad = FIRST
    progress = Meddling("features", after, lambda: fix_and_retry(survey))
    Run(survey, stages(), progress).until("samples")
    assert values(survey, "cube.zarr") == [1, 1, 1]
    assert values(survey, "features.zarr") == [10, 10, 10]
    assert told(survey, "samples.json") == ["10.0", "10.0", "10.0"]
    assert do(survey).counts == {}


def test_a_tile_is_retried_while_a_stage_without_tiles_is_at_work(survey: Survey) -> None:
    GROUND.bad, calls = FIRST, []

    def meanwhile() -> None:
        calls.append(1)
        if len(calls) == 1:
            fix_and_retry(survey)

    Run(survey, stages("A", meanwhile), Silent()).until("samples")
    assert len(calls) == 2
    assert told(survey, "samples.json") == ["10.0", "10.0", "10.0"]


def test_a_worker_at_a_tile_that_is_invalidated_writes_no_marker(survey: Survey) -> None:
    """It looked before, and ends after: `retry` waits for it, and its marker is not written."""
    do(survey)
    ledger = Ledger(Store(survey.store))
    run = Run(survey, stages(), Silent())
    ledger.reopen_stage("features")
    layout = ledger.layout("features")
    assert layout is not None
    markers = run._markers("features", layout["fingerprint"])
    markers.reopen(FIRST)
    work = Job(survey, "features.zarr", "cube.zarr")

    def slow(tile: Tile) -> TileFacts:
        facts = work(tile)
        start_over(ledger, "samples", ORDER)
        ledger.begin_generation("features", 1, {})
        return facts

    from minecover.ledger.leased_job import LeasedJob

    with pytest.raises(InvalidatedError, match="features: what it is made from was invalidated"):
        LeasedJob(slow, markers, 30)(Tile(0, 0))
    assert markers.done(FIRST) is None
    with pytest.raises(InvalidatedError):  # and begins no other
        LeasedJob(work, markers, 30)(Tile(0, 0))
    assert LeasedJob(work, replace(markers, generation=1), 30)(Tile(0, 0)).state == "done"


def test_again_has_all_done_again_that_is_made_from_it(survey: Survey) -> None:
    do(survey)
    GROUND.value = 5.0
    do(survey, "cube", again=True)
    assert Ledger(Store(survey.store)).stage("features") is None
    assert do(survey).counts == {"done": 3}
    assert values(survey, "features.zarr") == [50, 50, 50]
    assert told(survey, "samples.json") == ["50.0", "50.0", "50.0"]


def test_again_by_another_while_features_are_computed(survey: Survey) -> None:
    def change() -> None:
        GROUND.value = 5.0
        do(survey, "cube", again=True)

    Run(survey, stages(), Meddling("features", 2, change)).until("samples")
    assert values(survey, "cube.zarr") == [5, 5, 5]
    assert values(survey, "features.zarr") == [50, 50, 50]
    assert told(survey, "samples.json") == ["50.0", "50.0", "50.0"]


@pytest.mark.parametrize("stage", ["cube", "features"])
def test_other_settings_end_a_run_that_stood_on_the_old_ones(survey: Survey, stage: str) -> None:
    def change() -> None:
        GROUND.value = 7.0
        do(survey, "cube", "B")

    with pytest.raises(TryAgainError, match="another run with other settings replaced cube"):
        Run(survey, stages(), Meddling(stage, 1, change)).until("samples")
    GROUND.value = 1.0
    do(survey)
    assert values(survey, "cube.zarr") == [1, 1, 1]
    assert values(survey, "features.zarr") == [10, 10, 10]


def test_a_late_driver_tries_a_tile_again_that_another_ended_without(
    survey: Survey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second looked whether the cube is done before the first had ended it."""
    GROUND.bad = FIRST
    late = Run(survey, stages(), Silent())
    take_store(late)
    do_work = run_module.Run._do

    def slow(run: Run, stage: Stage, fingerprint: str) -> None:
        if run is late and stage.name == "cube" and GROUND.bad:
            do(survey, "features")  # the first driver, meanwhile
            GROUND.bad = ""
        do_work(run, stage, fingerprint)

    monkeypatch.setattr(run_module.Run, "_do", slow)
    late.until("features")
    do(survey)
    assert values(survey, "cube.zarr") == [1, 1, 1]
    assert values(survey, "features.zarr") == [10, 10, 10]


def test_a_tile_that_is_opened_while_its_stage_ends_is_not_forgotten(
    survey: Survey, monkeypatch: pytest.MonkeyPatch
) -> None:
    GROUND.bad = FIRST
    finish, opened = Ledger.finish_stage, []

    def opening(
        self: Ledger, stage: str, fingerprint: str, generation: int, **facts: object
    ) -> None:
        if stage == "cube" and not opened:
            opened.append(1)
            GROUND.bad = ""
            Run(survey, stages(), Silent())._markers(stage, fingerprint).reopen(FIRST)
        finish(self, stage, fingerprint, generation, **facts)

    monkeypatch.setattr(Ledger, "finish_stage", opening)
    do(survey, "features")
    assert values(survey, "features.zarr") == [10, 10, 10]


def test_two_that_replace_at_once_are_told_apart(tmp_path: Path) -> None:
    ledger = Ledger(Store(str(tmp_path)))
    one, two = (Invalidation(ledger, ORDER) for _ in range(2))
    one.refresh()
    two.refresh()
    one.replace("cube", "fingerprint", itself=False)
    one.check("samples")
    with pytest.raises(InvalidatedError):
        two.check("features")
    with pytest.raises(InvalidatedError):
        two.replace("catalog", "fingerprint", itself=True)
    two.refresh()
    assert two.known == {"catalog": 0, "cube": 0, "features": 1, "samples": 1}
    ledger.finish_stage("features", "fingerprint", 0, facts={}, seconds=1.0)
    assert not ledger.is_stage_done("features", "fingerprint")
    ledger.finish_stage("features", "fingerprint", 1, facts={}, seconds=1.0)
    assert ledger.is_stage_done("features", "fingerprint")


def test_an_invalidation_that_was_cut_off_is_carried_out(
    survey: Survey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`retry` dies when it has opened the tile, and a run had begun again before that."""
    do(survey)
    store, ledger = Store(survey.store), Ledger(Store(survey.store))
    reopen = TileMarkers.reopen

    class Killed(BaseException):
        pass

    def dying(markers: TileMarkers, tile: str) -> None:
        if markers.stage == "features":
            reopen(markers, tile)
            return
        GROUND.value = 5.0
        raise Killed

    monkeypatch.setattr(TileMarkers, "reopen", dying)
    named = TileChoice(tiles=(FIRST,), stage="cube")
    with pytest.raises(Killed):
        retry(store, named, ORDER)
    monkeypatch.setattr(TileMarkers, "reopen", reopen)
    assert len(list(store.names(INVALIDATIONS))) == 1
    assert do(survey).counts == {"done": 1 + 2}  # the features of the tile and of its neighbour
    assert values(survey, "features.zarr") == [50, 10, 10]
    assert list(store.names(INVALIDATIONS)) == []
    assert ledger.is_stage_done(
        "cube", dict(Run(survey, stages(), Silent()).fingerprints())["cube"]
    )


FROZEN = """
import os, signal, sys
from minecover.errors import TryAgainError
from minecover.workflow.run import Run
from minecover.storage.store import Store
from minecover.testing.stages import number_stages, tile_survey
from minecover.workflow.progress import Silent
real = Store.create_layers
def frozen(self, *given, **options):
    os.kill(os.getpid(), signal.SIGSTOP)  # a host that is suspended, or cut off
    return real(self, *given, **options)
Store.create_layers = frozen
try:
    Run(tile_survey(sys.argv[1], 1, 3, lease=1.0), number_stages(), Silent()).until("cube")
except TryAgainError as error:
    sys.exit(error.exit_code)
"""


def test_a_driver_that_lays_out_after_its_lease_loses_no_tile(tmp_path: Path) -> None:
    from minecover.testing.stages import number_stages

    survey = tile_survey(str(tmp_path / "store"), 1, 3, lease=1.0)
    first = subprocess.Popen([sys.executable, "-c", FROZEN, survey.store])
    while Path(f"/proc/{first.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        assert first.poll() is None
        time.sleep(0.05)
    Run(survey, number_stages(), Silent()).until("features")
    before = values(survey, "features.zarr")
    os.kill(first.pid, signal.SIGCONT)
    assert first.wait(60) in (0, 75)
    again = Silent()
    Run(survey, number_stages(), again).until("features")
    assert values(survey, "features.zarr") == before
    assert values(survey, "cube.zarr") == before
    assert not np.isnan(before).any()
