"""The stage in which the model's network learns from the features of the area, without labels."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from minecover.arrays import Float32Array
from minecover.geography.grid import Tiles, Window
from minecover.models.lookup import fingerprint_settings, foreign_modules
from minecover.models.pretraining import PretrainingTask, drawn_pixels
from minecover.models.registry import MODELS
from minecover.stages.features import open_features
from minecover.stages.fitting import checkpoints, learning_session
from minecover.stages.labelled import labelled_in
from minecover.stages.registry import PURPOSES
from minecover.storage.canonical_json import Json
from minecover.storage.names import PRETRAINED_FILE
from minecover.storage.raster import Raster
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.survey.grid import survey_grid
from minecover.survey.model_inputs import model_inputs
from minecover.workflow.cost import StageCost, Volumes, Workload
from minecover.workflow.progress import Facts
from minecover.workflow.stage import Stage, StageContext, Workspace

__all__ = ["PRETRAIN", "StoredGround", "pretrain_network"]


LATER = (
    "members", "epochs", "patience", "batch", "class_weights", "class_shares", "prior_shift",
    "label_smoothing", "mixup", "dropout", "reading",
)  # fmt: skip
"""Settings of the model that are for its training alone."""


@dataclass(frozen=True)
class StoredGround:
    """Features of a survey's store, of which blocks of tiles are drawn; see `Ground`.

    Attributes
    ----------
    store_url, survey
        Whose features these are.
    periods
        From which blocks are drawn; empty: the survey names none.
    """

    store_url: str
    survey: Survey
    periods: tuple[str, ...]

    def __hash__(self) -> int:
        return hash((self.store_url, self.survey.name))

    def block(self, rng: np.random.Generator, edge: int, layers: Sequence[str]) -> Float32Array:
        """See `Ground.block`: it lies in a tile, but where the tile is smaller."""
        tiles = _tiles(self)
        tile = tiles[int(rng.integers(len(tiles)))]
        window = survey_grid(self.survey).window(tile)
        height, width = (max(0, size - edge) for size in window.shape)
        y, x = (int(rng.integers(room + 1)) for room in (height, width))
        part = Window(0, edge, 0, edge).shifted(window.y0 + y, window.x0 + x)
        return _features(self, tile.period).read(part, layers, mirror=True)


@lru_cache(maxsize=2)
def _tiles(ground: StoredGround) -> Tiles:
    tiles = survey_grid(ground.survey).tiles
    return tiles.in_periods(ground.periods) if ground.periods else tiles


@lru_cache(maxsize=4)
def _features(ground: StoredGround, period: str) -> Raster:
    return open_features(Store(ground.store_url), ground.survey, period)


def pretrain_network(context: StageContext) -> Facts:
    """Learn from crops of the features of all seasons; `pretrained.safetensors`."""
    workspace = context.workspace
    survey, store = workspace.survey, workspace.store
    names = survey.feature_catalogue().names
    about: dict[str, Json] = {
        "survey": survey.name,
        "fingerprint": context.fingerprint,
        "minecover": importlib.metadata.version("minecover"),
    }
    with learning_session(survey), checkpoints(workspace) as folder:
        task = PretrainingTask(
            survey.model,
            survey.engine,
            model_inputs(survey, names),
            StoredGround(store.url, survey, labelled_in(workspace)),
            store,
            context.fingerprint,
            folder / "pretraining-steps",
            about,
            context.report,
        )
        weights, history = MODELS[survey.model.kind].pretrain(task)
    store.write(PRETRAINED_FILE, weights)
    return {**history.facts, "rounds": list(history.records)}


def _depends_on(workspace: Workspace) -> Json:
    """Give what of the model's settings it is made of, and the periods that are learned from."""
    model = workspace.survey.model
    assert model.pretraining is not None  # the survey has this stage
    return [
        model.pretraining.model_dump(mode="json"),
        fingerprint_settings(model, *LATER),
        list(labelled_in(workspace)),
    ]


def _units(survey: Survey, work: Workload) -> float:
    return MODELS[survey.model.kind].pretraining_units(survey.model, work.feature_layers)


def _volume(survey: Survey, volumes: Volumes) -> tuple[float, float]:
    assert survey.model.pretraining is not None  # the survey has this stage
    return drawn_pixels(survey.model.pretraining.steps) * volumes.feature_pixel, 0.0


PRETRAIN = Stage(
    "pretrain",
    PURPOSES["pretrain"],
    _depends_on,
    pretrain_network,
    code=("models", "stages/pretrain.py", "survey/model_inputs.py"),
    modules=lambda survey: foreign_modules(survey.model),
    periods_read=labelled_in,
    cost=StageCost(
        units=_units,
        volume=_volume,
        by_model=True,
        all_workers=True,
        cores=lambda survey: MODELS[survey.model.kind].training_cores(survey.engine),
    ),
)
"""Its result: `pretrained.safetensors`."""
