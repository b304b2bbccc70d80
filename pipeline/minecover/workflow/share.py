"""A share of a stage's tiles, alone in this process: an index of a Kubernetes Indexed Job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from minecover.engines.base import TileJob
from minecover.engines.local import LOCAL
from minecover.errors import SurveyError, TryAgainError
from minecover.ledger.open_tiles import OpenTiles
from minecover.survey import Survey
from minecover.workflow.fingerprints import StageFingerprint
from minecover.workflow.layout import Target
from minecover.workflow.progress import Facts, Progress
from minecover.workflow.run import Run
from minecover.workflow.stage import Stage
from minecover.workflow.store_owner import take_store
from minecover.workflow.tiles import reasons_of, refuse_bad_tiles

__all__ = ["do_share"]


@dataclass(frozen=True)
class _ShareRun(Run):
    """A run that does one of `count` shares of a stage's tiles and finishes no stage."""

    index: int
    count: int

    def _do_tiles(
        self, stage: Stage, fingerprint: StageFingerprint, target: Target, job: TileJob
    ) -> Facts:
        """Work on the share in this process, whatever the survey's engine.

        Failed tiles stay so until they are retried: a pod that comes back after it was evicted
        does not read bad data again.
        """
        markers = self.laid_out(stage, fingerprint, target)
        tiles = self.tiles_of(stage.name).share(self.index, self.count)
        open_tiles = OpenTiles(tiles)
        open_tiles.read(markers, "done", "failed")
        self.progress.started(stage.name, len(tiles), len(tiles) - open_tiles.open_count)
        self.drive(LOCAL, job, markers, open_tiles)
        mine = {tile.name for tile in tiles}
        bad = [tile for tile in markers.failed_tiles() if tile in mine]
        if bad and self.survey.engine.bad_tiles == "stop":
            refuse_bad_tiles(stage.name, reasons_of(markers, bad), len(bad))
        return {"tiles": len(tiles), "skipped": len(bad)}

    def share_of(self, stage: str) -> Facts:
        """Do the share of a stage, where all stages before it are complete."""
        for before, fingerprint in zip(self.stages, self.stage_fingerprints(), strict=True):
            if before.name == stage:
                return before.work(self._context(before, fingerprint))
            if not self.ledger.is_stage_done(before.name, fingerprint.whole):
                raise TryAgainError(
                    f"{stage}: stage {before.name} is not done in {self.store.url}; run "
                    f"`minecover {before.name}` with this survey first"
                )
        raise SurveyError(f"no stage {stage!r}")


def do_share(
    survey: Survey,
    stage: str,
    index: int,
    count: int,
    progress: Progress,
    stages: Sequence[Stage],
) -> Facts:
    """Do one of `count` shares of a stage's tiles.

    Whoever runs the survey afterwards finds the tiles done and writes the stage's marker.

    Raises
    ------
    SurveyError
        The stage has no tiles, or there is no such index.
    TryAgainError
        A stage before it is not done.
    DataError
        The data of tiles of the share is bad, and the survey does not skip such tiles.
    """
    if not 0 <= index < count:
        raise SurveyError(f"--index {index} --of {count}: give an index from 0 to {count - 1}")
    run = _ShareRun(survey, stages, progress, index, count)
    if stage not in run.tile_stages:
        raise SurveyError(
            f"--stage {stage}: it has no tiles; give one of {', '.join(run.tile_stages)}"
        )
    take_store(run)
    return run.restart_if_invalidated(lambda: run.share_of(stage))
