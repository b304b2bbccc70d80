"""What a run stands on is replaced while it is at work: the ground changes, and is read again."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from chaos.bench import COLUMNS, ROWS, SECONDS, Bench
from minecover.engines.base import Facts
from minecover.errors import MinecoverError
from minecover.grid import Tile, survey_grid
from minecover.retry import Choice, retry
from minecover.run import Facts as StageFacts
from minecover.run import Run, Stage, Target
from minecover.store import Store
from minecover.survey import Survey
from minecover.testing.stages import Silent, tile_survey
from services.runs import differing, ended, forked, rasters, started

NOTHING_CHOSEN = 9
"""Exit code where no tile was done yet, so that none was withdrawn."""


@dataclass(frozen=True)
class GroundJob:
    """Writes the number in the file `ground`, or twice what stands in the raster `source`."""

    survey: Survey
    raster: str
    ground: Path
    source: str = ""

    def __call__(self, tile: Tile) -> Facts:
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

    def catalog(run: Run, mark: str) -> StageFacts:
        return {}

    def tiles(name: str, source: str) -> Stage:
        def work(run: Run, mark: str) -> StageFacts:
            raster = f"{name}.zarr"
            job = GroundJob(run.survey, raster, ground, source)
            return run.tile_stage(name, mark, "local", Target(raster, ("number",)), job)

        return Stage(name, lambda run: None, (), work)

    none = Stage("catalog", lambda run: None, (), catalog)
    return none, tiles("cube", ""), tiles("features", "cube.zarr")


def drive(store: Path, ground: Path, last: str = "features", *, again: bool = False) -> int:
    """Run the stages; the exit code of the command line."""
    try:
        survey = tile_survey(str(store), ROWS, COLUMNS)
        Run(survey, Silent(), ground_stages(ground)).until(last, again=again)
    except MinecoverError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def retry_all(store: Path) -> int:
    """Withdraw every tile of the cube that is done."""
    chosen = retry(Store(str(store)), Choice(since=0.0, stage="cube"), ("catalog", *STAGES))
    return 0 if chosen else NOTHING_CHOSEN


STAGES = ("cube", "features")


def withdrawn_meanwhile(bench: Bench, kind: str) -> None:
    """By `retry` or by `cube --again`, at any moment."""
    store, ground = bench.fresh(), bench.folder / "ground"
    again, moment = bench.rng.random() < 0.5, bench.rng.uniform(0, 1.5 * bench.undisturbed)
    ground.write_text("1")
    child = started(partial(drive, store, ground))
    time.sleep(moment)
    (bench.folder / "new-ground").write_text("2")
    (bench.folder / "new-ground").replace(ground)
    since = time.monotonic()
    withdraw = partial(drive, store, ground, "cube", again=True) if again else None
    code = forked(withdraw or partial(retry_all, store)) if store.exists() else NOTHING_CHOSEN
    codes = code, ended(child), forked(partial(drive, store, ground))
    if code == NOTHING_CHOSEN:
        return
    expected = bench.folder / "expected"
    if not expected.exists():
        assert forked(partial(drive, expected, ground)) == 0
    wrong = differing(rasters(store), rasters(expected))
    how = "again" if again else "retry"
    told = f"{how} at {moment:.3f} s: {codes}; {wrong}"
    bench.note(kind, since, codes == (0, 0, 0) and not wrong, told=told)
