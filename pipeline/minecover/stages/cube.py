"""The stage that composes the seasons."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from minecover.cube.build import Composer
from minecover.geography.grid import Grid, Tile
from minecover.sources.access import FileAccess
from minecover.sources.confirmation import Confirmation
from minecover.sources.locate import Locator
from minecover.sources.manifest import Manifest
from minecover.sources.reader import open_reader
from minecover.sources.registry import sources_of
from minecover.sources.source import arrays_of, own_files
from minecover.stages.registry import PURPOSES
from minecover.storage.canonical_json import Json
from minecover.storage.names import CUBE_RASTER, manifest_of
from minecover.storage.store import Layers, Store
from minecover.survey import Survey
from minecover.survey.grid import survey_grid
from minecover.workflow.cost import StageCost
from minecover.workflow.layout import Target
from minecover.workflow.new_scenes import kept_of_cube
from minecover.workflow.progress import Facts
from minecover.workflow.stage import Stage, StageContext, Workspace

__all__ = ["CUBE_STAGE", "CubeJob"]

OPENING = 22_000
"""Native pixels that opening a file takes as long as to read, where it lies on a local disk."""


def _compose(context: StageContext) -> Facts:
    survey = context.workspace.survey
    arrays = arrays_of(sources_of(survey.sources), survey.seasons)
    job = CubeJob(survey.store, survey, context.fingerprint)
    kept = kept_of_cube(context.workspace)
    return context.do_tiles(Target(CUBE_RASTER, arrays, kept=kept), job)


@dataclass(frozen=True)
class CubeJob:
    """Composes one tile of the cube; see `engines.TileJob`.

    Attributes
    ----------
    store_url
        Holds the manifests and the empty `cube.zarr`.
    survey
        Sources, seasons, grid.
    fingerprint
        Fingerprint of the stage: a worker that holds another manifest reads this one.
    """

    store_url: str
    survey: Survey
    fingerprint: str = ""

    def __hash__(self) -> int:
        return hash((self.store_url, self.survey.name, self.fingerprint))

    def __call__(self, tile: Tile) -> Facts:
        """Read, compose and write one tile.

        Returns
        -------
        Items and pixels read, the share of nodata by source, and how many files far away this
        process met so far that were placed by their headers and not by their records.

        Raises
        ------
        DataError
            A raster is missing or damaged.
        TryAgainError
            A server does not answer.
        """
        survey, grid, manifest, layers, confirm = _opened(self, tile.period)
        catalog, threads = survey.catalog, survey.engine.threads
        access = confirm.access
        reader = open_reader(catalog.reader, access.locate, threads, manifest.found, access.s3)
        sources = sources_of(survey.sources)
        composer = Composer(sources, survey.seasons, grid, manifest, reader, confirm, threads)
        window = grid.window(tile)
        values = composer.compose(window)
        layers.write_tile(grid, tile, values)
        shares = {f"nodata_{name}": share for name, share in composer.nodata(values).items()}
        if confirm.by_header:  # far away: the catalog's own files were told of by the catalog stage
            shares["placed_by_header"] = confirm.by_header
        items = sum(1 for _ in composer.items(window))
        return {"items": items, "pixels_read": reader.pixels, **shares}


@lru_cache(maxsize=4)
def _opened(job: CubeJob, period: str) -> tuple[Survey, Grid, Manifest, Layers, Confirmation]:
    """Open what all tiles of a period read: once a process, not once a tile."""
    store, survey = Store(job.store_url), job.survey.in_period(period)
    locator = Locator(job.survey.catalog, own_files(sources_of(job.survey.sources)))
    manifest = Manifest.load(store, manifest_of(period))
    access = FileAccess(locator, manifest.found, locator.s3)
    confirm = Confirmation(access, job.survey.engine.threads)
    return survey, survey_grid(survey), manifest, store.layers(CUBE_RASTER, period), confirm


def _depends_on(workspace: Workspace) -> Json:
    grid = workspace.survey.grid.model_dump(mode="json")
    return [grid, workspace.survey.catalog.reader, workspace.store.read_json(workspace.manifest)]


CUBE_STAGE = Stage(
    "cube",
    PURPOSES["cube"],
    _depends_on,
    _compose,
    code=(
        "sources",
        "cube",
        "engines/compiled.py",
        "storage/layers.py",
        "storage/raster.py",
        "storage/raster_array.py",
        "storage/shard.py",
        "storage/store.py",
        "storage/zarr_arrays.py",
    ),
    has_tiles=lambda survey: True,
    by_period=True,
    writes=(CUBE_RASTER,),
    cost=StageCost(
        units=lambda survey, work: work.source_pixels + OPENING * work.opened,
        volume=lambda survey, v: (v.images, v.cube),
        layers=lambda work: work.cube_layers,
        reads_images=True,
    ),
)
"""Its result: `cube.zarr`."""
