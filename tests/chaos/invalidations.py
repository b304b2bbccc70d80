"""What a run builds on is replaced while it is at work: the ground changes, and is read again."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from chaos.bench import COLUMNS, ROWS, SECONDS, Bench
from minecover.engines.base import TileFacts
from minecover.errors import MinecoverError
from minecover.geography.grid import Tile, Window
from minecover.ledger.stage_order import StageOrder
from minecover.storage.identity import known_store
from minecover.storage.raster_array import stacked
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.survey.grid import survey_grid
from minecover.testing.stages import tile_survey
from minecover.workflow.layout import Target
from minecover.workflow.progress import Facts, Silent
from minecover.workflow.retry import TileChoice, retry
from minecover.workflow.run import Run
from minecover.workflow.stage import Stage, StageContext
from services.runs import differing, ended, forked, rasters, started

NOTHING_CHOSEN = 9
"""Exit code where no tile was done yet, so that none was invalidated."""


@dataclass(frozen=True)
class GroundJob:
    """Writes the number in the file `ground`, or twice what is in the raster `source`."""

    survey: Survey
    raster: str
    ground: Path
    source: str = ""

    def __call__(self, tile: Tile) -> TileFacts:
        """Read, wait, then write one tile."""
        grid, store = survey_grid(self.survey), Store(self.survey.store)
        window = grid.window(tile)
        if self.source:
            values = 2 * store.layers(self.source).read(window)
        else:
            values = np.full((1, *window.shape), float(self.ground.read_text()), np.float32)
        time.sleep(SECONDS)
        store.layers(self.raster).write_tile(grid, tile, values)
        return {}


def ground_stages(ground: Path) -> tuple[Stage, ...]:
    """Make a cube of the ground, and features of the cube."""

    def catalog(context: StageContext) -> Facts:
        return {}

    def tiles(name: str, source: str) -> Stage:
        def work(context: StageContext) -> Facts:
            raster = f"{name}.zarr"
            job = GroundJob(context.workspace.survey, raster, ground, source)
            return context.do_tiles(Target(raster, (stacked(("number",)),)), job)

        return Stage(
            name,
            "",
            lambda workspace: None,
            work,
            has_tiles=lambda survey: True,
            reach="neighbours",
        )

    none = Stage("catalog", "", lambda workspace: None, catalog)
    return none, tiles("cube", ""), tiles("features", "cube.zarr")


def drive(store: Path, ground: Path, last: str = "features", *, again: bool = False) -> int:
    """Run the stages; the exit code of the command line."""
    try:
        survey = tile_survey(str(store), ROWS, COLUMNS)
        Run(survey, ground_stages(ground), Silent()).until(last, again=again)
    except MinecoverError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def retry_all(store: Path) -> int:
    """Invalidate every tile of the cube that is done."""
    order = StageOrder(dict.fromkeys(("catalog", *STAGES), "neighbours"))
    try:
        chosen = retry(known_store(str(store)), TileChoice(since=0.0, stage="cube"), order)
    except MinecoverError:  # as the command says where the run has no store yet
        return NOTHING_CHOSEN
    return 0 if chosen else NOTHING_CHOSEN


STAGES = ("cube", "features")

HOW = ("again", "retry", "retry killed")


def contradicts(store: Path) -> int:
    """1 where the features are not those of the cube that is there."""
    survey, opened = tile_survey(str(store), ROWS, COLUMNS), Store(str(store))
    height, width = survey_grid(survey).shape
    cube, features = (
        opened.layers(f"{name}.zarr").read(Window(0, height, 0, width)) for name in STAGES
    )
    return int(not np.array_equal(features, 2 * cube))


def invalidated_meanwhile(bench: Bench, kind: str) -> None:
    """By `retry`, by one that is killed, or by `cube --again`, at any moment."""
    store, ground = bench.fresh(), bench.folder / "ground"
    how, moment = bench.rng.choice(HOW), bench.rng.uniform(0, 1.5 * bench.undisturbed)
    delay = bench.rng.uniform(0, 0.3)
    ground.write_text("1")
    child = started(partial(drive, store, ground))
    time.sleep(moment)
    (bench.folder / "new-ground").write_text("2")
    (bench.folder / "new-ground").replace(ground)
    if not store.exists():
        ended(child)
        return
    since = time.monotonic()
    again = partial(drive, store, ground, "cube", again=True)
    other = started(again if how == "again" else partial(retry_all, store))
    if how == "retry killed":
        time.sleep(delay)
        os.kill(other, signal.SIGKILL)
    code = ended(other)
    codes = ended(child), forked(partial(drive, store, ground)), forked(partial(contradicts, store))
    if code == NOTHING_CHOSEN:
        return
    wrong = differing(rasters(store), _undisturbed(bench, ground)) if code == 0 else []
    told = f"{how} at {moment:.3f} s: {code}, {codes}; {wrong}"
    bench.note(kind, since, not any(codes) and not wrong, told=told)


def _undisturbed(bench: Bench, ground: Path) -> dict[str, bytes]:
    """Rasters of the ground that is there now, undisturbed."""
    if not (bench.folder / "fixed").exists():
        assert forked(partial(drive, bench.folder / "fixed", ground)) == 0
    return rasters(bench.folder / "fixed")
