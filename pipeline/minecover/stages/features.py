"""The stage that computes features from the cube, tile by tile where they are stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from minecover.engines.base import TileFacts
from minecover.errors import DataError
from minecover.features.computed import ComputedFeatures
from minecover.features.registry import INDICES
from minecover.features.texture_range import texture_range
from minecover.geography.grid import Grid, Tile
from minecover.stages.registry import PURPOSES
from minecover.storage.canonical_json import Json
from minecover.storage.names import CUBE_RASTER, FEATURES_RASTER, TEXTURE_RANGE_FILE
from minecover.storage.raster import Raster
from minecover.storage.raster_array import feature_array
from minecover.storage.store import Layers, Store
from minecover.survey import Survey
from minecover.survey.carried import carried_origin
from minecover.survey.grid import survey_grid
from minecover.workflow.cost import StageCost, Workload
from minecover.workflow.layout import Target
from minecover.workflow.new_scenes import kept_of_features
from minecover.workflow.progress import Facts
from minecover.workflow.stage import Remark, Stage, StageContext, Workspace

__all__ = ["FEATURES", "FeaturesJob", "open_features", "texture_range_of"]


def _compute(context: StageContext) -> Facts:
    workspace = context.workspace
    low, high = _texture_range(context)
    settings, catalogue = workspace.survey.features, workspace.survey.feature_catalogue()
    facts: Facts = {"texture_range": [low, high], "layers": len(catalogue.names)}
    if not settings.are_stored:
        if not settings.are_stored_beside_map or workspace.ledger.layout("features") is not None:
            # what was stored under other settings is of no use any more
            workspace.ledger.forget("features")
            workspace.store.delete(FEATURES_RASTER)
        return facts
    arrays = (feature_array(catalogue.layers),)
    kept = kept_of_features(workspace)
    target = Target(FEATURES_RASTER, arrays, {"texture_range": [low, high]}, kept=kept)
    job = FeaturesJob(workspace.store.url, workspace.survey, context.fingerprint, (low, high))
    return context.do_tiles(target, job) | facts


def open_features(
    store: Store, survey: Survey, period: str | None = None, grid: Grid | None = None
) -> Raster:
    """Open the features of a survey: as they are stored, or computed when they are read.

    Parameters
    ----------
    store
        Where they are, or what they are computed from.
    survey
        Whose they are.
    period
        Of which, where the survey names periods; None: of the latest.
    grid
        The survey's, where it is at hand.

    Raises
    ------
    StoreError
        They are stored, but not there.
    DataError
        The features stage has not run.
    """
    if survey.features.are_stored:
        return store.layers(FEATURES_RASTER, period)
    texture = texture_range_of(store)
    return _computed(store, survey, grid or survey_grid(survey), period, texture)


def texture_range_of(store: Store) -> tuple[float, float]:
    """Range over which the texture of a store's features is quantised.

    Raises
    ------
    DataError
        The features stage has not run.
    """
    known = store.read_json(TEXTURE_RANGE_FILE)
    if known is None:
        raise DataError(f"{store.url}/{TEXTURE_RANGE_FILE}: missing; run `minecover features`")
    low, high = known["texture_range"]
    return low, high


def _computed(
    store: Store,
    survey: Survey,
    grid: Grid,
    period: str | None,
    texture_range: tuple[float, float],
) -> ComputedFeatures:
    cube = store.layers(CUBE_RASTER, period)
    return ComputedFeatures.of(survey.feature_catalogue(), grid, cube, texture_range)


def _texture_range(context: StageContext) -> tuple[float, float]:
    """Range over which texture is quantised, of a cube that may have been replaced since.

    Of several periods it is that of the first, so that the same ground has the same texture in all
    of them, and periods that are added later do not change it.
    """
    workspace = context.workspace
    first = workspace.survey.period_names[0]
    fingerprint = context.periods.get(first, context.fingerprint)
    generation = workspace.invalidation.known["features"]
    known = workspace.store.read_json(TEXTURE_RANGE_FILE)
    mine = known is not None and known["fingerprint"] == fingerprint
    if known is None or not mine or known["generation"] != generation:
        found = list(_found_range(workspace, first))
        if known is not None and mine and known["texture_range"] != found:
            # every tile's texture is another; before it is recorded, should this driver die
            workspace.ledger.forget("features")
        known = {"fingerprint": fingerprint, "generation": generation, "texture_range": found}
        workspace.store.write_json(TEXTURE_RANGE_FILE, known)
    low, high = known["texture_range"]
    return low, high


def _found_range(workspace: Workspace, period: str) -> tuple[float, float]:
    """Range of texture of a period, or that with which the model was trained that maps it."""
    survey = workspace.survey
    if survey.model.carried_from is not None:
        return carried_origin(survey).texture_range
    cube = workspace.store.layers(CUBE_RASTER, period)
    return texture_range(survey.feature_catalogue(), workspace.grid, cube)


def _depends_on(workspace: Workspace) -> Json:
    """Give the settings and, of a model from elsewhere, the range of texture that it knows."""
    survey = workspace.survey
    settings: list[Json] = [survey.features.model_dump(mode="json")]
    if survey.model.carried_from is not None:
        settings.append(list(carried_origin(survey).texture_range))
    return settings


@dataclass(frozen=True)
class FeaturesJob:
    """Computes and writes the features of one tile; see `engines.TileJob`.

    Attributes
    ----------
    store_url
        Where `cube.zarr` and `features.zarr` are.
    survey
        Which features, how and where.
    fingerprint
        Of the stage.
    texture_range
        Low and high end of the range over which texture is quantised.
    """

    store_url: str
    survey: Survey
    fingerprint: str
    texture_range: tuple[float, float]

    def __hash__(self) -> int:
        return hash((self.store_url, self.survey.name, self.fingerprint))

    def __call__(self, tile: Tile) -> TileFacts:
        """Read the cube with the halo that the kernels need, compute, write.

        Returns
        -------
        Pixels, the share of them without any valid feature, and how many were filled from other
        seasons.
        """
        features, target = _opened(self, tile.period)
        values, filled = features.compute(features.grid.window(tile), target.names)
        target.write_tile(features.grid, tile, values)
        empty = float(np.isnan(values).all(axis=0).mean())
        return {"pixels": values[0].size, "nodata": round(empty, 6), "filled": filled}


@lru_cache(maxsize=2)
def _opened(job: FeaturesJob, period: str) -> tuple[ComputedFeatures, Layers]:
    """Open what a worker keeps between tiles."""
    store, grid = Store(job.store_url), survey_grid(job.survey)
    features = _computed(store, job.survey, grid, period, job.texture_range)
    return features, store.layers(FEATURES_RASTER, period)


def _modules(survey: Survey) -> tuple[str, ...]:
    """Name the modules of indices of other packages."""
    others = (name for name in survey.features.indices if not INDICES.is_own(name))
    return tuple(INDICES.module(name) for name in others)


def _check(workspace: Workspace) -> Iterator[str]:
    """Name the features that are left out because the data lacks bands."""
    catalogue = workspace.survey.feature_catalogue()
    if catalogue.left_out:
        bands = ", ".join(layer.name for layer in catalogue.lacking)
        yield Remark(f"features: no {', '.join(catalogue.left_out)}, for the data has no {bands}")


def _units(survey: Survey, work: Workload) -> float:
    """Pixels x layers, where features are stored."""
    return float(work.pixels * work.feature_layers) if survey.features.are_stored else 0.0


FEATURES = Stage(
    "features",
    PURPOSES["features"],
    _depends_on,
    _compute,
    code=("features", "stages/features.py"),
    modules=_modules,
    has_tiles=lambda survey: survey.features.are_stored,
    by_period=True,
    reads_first_period=True,
    reach="neighbours",
    writes=(FEATURES_RASTER,),
    check=_check,
    cost=StageCost(
        units=_units,
        volume=lambda survey, v: (v.range_read, v.features),
        layers=lambda work: work.feature_layers,
    ),
    # where they are not stored, it only finds the range of texture
    own_pod=lambda survey: survey.features.keep == "all",
)
"""Its result: `features.json` and, where they are stored, `features.zarr`."""
