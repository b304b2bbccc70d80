"""A survey's run: the stages in order, each skipped where its result stands.

A stage's fingerprint is made of the fingerprint of the stage before it, the sections of the survey
that matter to it and its source code. Change any of them and this stage and all after it are done
again; change nothing and rerunning is resuming.
"""

from __future__ import annotations

import importlib.metadata
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from minecover.engines import Outcome, TileJob, run_tiles
from minecover.errors import DataError, MinecoverError, StoreError, SurveyError
from minecover.grid import Grid, survey_grid
from minecover.ledger import Ledger, code_version, fingerprint
from minecover.store import Layers, Store
from minecover.survey import Survey

__all__ = ["Progress", "Run", "Stage"]

Facts = dict[str, Any]


class Progress(Protocol):
    """What a run tells about itself while it goes on."""

    def started(self, stage: str, tiles: int | None, done: int) -> None:
        """Announce a stage; with tiles: how many there are and how many stand already."""

    def tile(self, outcome: Outcome) -> None:
        """Report one tile."""

    def finished(self, stage: str, facts: Facts, seconds: float) -> None:
        """Report the end of a stage with its figures."""

    def skipped(self, stage: str) -> None:
        """Report that a stage's result stands."""


@dataclass(frozen=True)
class Stage:
    """One stage of the pipeline.

    Attributes
    ----------
    name
        Also the command's name.
    sections
        What of the survey it depends on, beyond the stages before it.
    code
        Modules and packages whose source its results depend on.
    work
        Does it; returns figures for the ledger and the report.
    """

    name: str
    sections: Callable[[Run], Any]
    code: tuple[str, ...]
    work: Callable[[Run, str], Facts]


@dataclass(frozen=True)
class Run:
    """A survey at work on its store.

    Attributes
    ----------
    survey
        What is wanted.
    progress
        Who is told.
    """

    survey: Survey
    progress: Progress
    stages: Sequence[Stage] = field(repr=False)

    @cached_property
    def store(self) -> Store:
        """The survey's store."""
        return Store(self.survey.store)

    @cached_property
    def grid(self) -> Grid:
        """The survey's grid."""
        return survey_grid(self.survey)

    @cached_property
    def ledger(self) -> Ledger:
        """What is done."""
        return Ledger(self.store)

    def claim_store(self) -> bool:
        """Make the store this survey's, or refuse one that is another's.

        Returns
        -------
        Whether it was nobody's before.

        Raises
        ------
        StoreError
            The store holds a survey of another name, area or grid.
        """
        identity = self._identity()
        known = self.store.read_json("survey.json")
        if known is None:
            if next(self.store.names(""), None) is not None:
                raise StoreError(
                    f"{self.store.url}: not empty and no store of minecover; give an empty folder "
                    "with --store"
                )
            self.store.write_json("survey.json", identity)
            return True
        if known != identity:
            differing = [key for key in identity if known.get(key) != identity[key]]
            raise StoreError(
                f"{self.store.url}: this is the store of survey {known.get('name')!r} and differs "
                f"in {', '.join(differing)}; give another store with --store, or delete this one"
            )
        return False

    def _withdraw_claim(self) -> None:
        """Leave a store in which nothing was made to whatever the survey becomes when mended."""
        if list(self.store.names("")) == ["survey.json"]:
            self.store.delete("survey.json")

    def _identity(self) -> dict[str, Any]:
        affine = [round(value, 6) for value in tuple(self.grid.geobox.affine)[:6]]
        return {
            "name": self.survey.name,
            "grid": {
                "crs": self.grid.crs,
                "shape": list(self.grid.shape),
                "affine": affine,
                "tile": self.grid.tile_size,
            },
            "format": 1,
        }

    def fingerprint(self, name: str) -> str:
        """Fingerprint of a stage: everything its result depends on."""
        mark = importlib.metadata.version("minecover")
        for stage in self.stages:
            mark = fingerprint(mark, stage.name, stage.sections(self), code_version(*stage.code))
            if stage.name == name:
                return mark
        raise SurveyError(f"no stage {name!r}; there are {', '.join(s.name for s in self.stages)}")

    def until(self, last: str, *, again: bool = False) -> None:
        """Do every stage up to `last` whose result does not stand.

        Parameters
        ----------
        last
            Name of a stage.
        again
            Do `last` also where its result stands.
        """
        new = self.claim_store()
        try:
            self._stages_until(last, again)
        except MinecoverError:
            if new:
                self._withdraw_claim()
            raise

    def _stages_until(self, last: str, again: bool) -> None:
        for stage in self.stages:
            mark = self.fingerprint(stage.name)
            forced = again and stage.name == last
            if self.ledger.is_stage_done(stage.name, mark) and not forced:
                self.progress.skipped(stage.name)
            else:
                self._do(stage, mark)
            if stage.name == last:
                return

    def _do(self, stage: Stage, mark: str) -> None:
        start = time.perf_counter()
        if stage.name not in TILE_STAGES:
            self.progress.started(stage.name, None, 0)
        facts = stage.work(self, mark)
        seconds = round(time.perf_counter() - start, 2)
        self.ledger.finish_stage(stage.name, mark, facts=facts, seconds=seconds)
        self.progress.finished(stage.name, facts, seconds)

    def facts(self) -> dict[str, Facts]:
        """Figures and seconds of every finished stage, for the report."""
        markers = {stage.name: self.ledger.stage(stage.name) for stage in self.stages}
        return {name: marker for name, marker in markers.items() if marker is not None}

    def tile_stage(self, stage: str, mark: str, kind: str, target: Target, job: TileJob) -> Facts:
        """Work on every tile that is not done, and write what became of it into the ledger.

        Raises
        ------
        DataError
            Tiles were set aside for their data and the survey does not skip such tiles.
        """
        self._prepared(target, mark)
        tiles = self.grid.tiles
        todo = self.ledger.open_tiles(stage, mark, tiles)
        self.progress.started(stage, len(tiles), len(tiles) - len(todo))
        bad: list[Outcome] = []
        for outcome in run_tiles(kind, self.survey.engine, job, todo):
            facts = {"error": outcome.error} if outcome.error else outcome.facts
            self.ledger.finish_tile(stage, outcome.tile, mark, facts)
            self.progress.tile(outcome)
            if outcome.error:
                bad.append(outcome)
        if bad and (self.survey.engine.bad_tiles == "stop" or len(bad) == len(tiles)):
            raise DataError(_bad_tiles(stage, bad))
        return {"tiles": len(tiles), "set_aside": {o.tile.name: o.error for o in bad[:100]}}

    def _prepared(self, target: Target, mark: str) -> Layers:
        """Open the stage's raster if it is of this fingerprint, else lay it out anew."""
        if self.store.read(f"{target.name}/zarr.json") is not None:
            layers = self.store.layers(target.name)
            if layers.attributes.get("fingerprint") == mark:
                return layers
        attributes = {"fingerprint": mark, "survey": self.survey.name, **target.attributes}
        return self.store.create_layers(target.name, self.grid, target.layers, attributes)


@dataclass(frozen=True)
class Target:
    """The raster a tile stage writes: its name, layers and attributes."""

    name: str
    layers: tuple[str, ...]
    attributes: dict[str, Any] = field(default_factory=dict)


TILE_STAGES = ("cube", "features", "predict")


def _bad_tiles(stage: str, bad: Sequence[Outcome]) -> str:
    reasons: dict[str, list[str]] = {}
    for outcome in bad:
        reasons.setdefault(str(outcome.error), []).append(outcome.tile.name)
    lines = [f"{stage}: {len(bad)} tile(s) were set aside for their data:"]
    for reason, tiles in list(reasons.items())[:5]:
        named = ", ".join(tiles[:3]) + (f" and {len(tiles) - 3} more" if len(tiles) > 3 else "")
        lines.append(f"  {named}: {reason}")
    lines.append(
        "mend the data and run the same command again (finished tiles stand), "
        "or map the rest with `engine.bad_tiles: skip`"
    )
    return "\n".join(lines)
