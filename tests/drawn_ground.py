"""Ground without labels, drawn by formula; workers of Ray import it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from minecover.arrays import Float32Array
from minecover.engines.settings import EngineSettings
from minecover.models.data import ModelInputs
from minecover.models.pretraining import PretrainingTask
from minecover.models.series import SeriesLayout
from minecover.models.settings import ModelSettings, PretrainingSettings
from minecover.storage.store import Store

SEASONS = ("spring", "summer", "winter")
FEATURES = ("NDVI", "VV")
PLACES = (*((season, name) for season in SEASONS for name in FEATURES), (None, "slope"))
NAMES = tuple("_".join(filter(None, place)) for place in PLACES)
LAYOUT = SeriesLayout(PLACES, SEASONS)


@dataclass(frozen=True)
class Drawn:
    """Ground where every season and feature is one smooth field, and the slope another.

    Attributes
    ----------
    empty
        Layers without a value.
    edges
        Of the blocks that were drawn.
    """

    empty: tuple[str, ...] = ()
    edges: list[int] = field(default_factory=list)

    def block(self, rng: np.random.Generator, edge: int, layers: Sequence[str]) -> Float32Array:
        self.edges.append(edge)
        y, x = np.mgrid[:edge, :edge] / 9 + rng.uniform(0, 50, (2, 1, 1))
        fields = {"slope": np.cos(x - y)}
        out = np.stack([fields.get(name, 3 + 2 * np.sin(x + y)) for name in layers])
        out[:, :2] = np.nan
        out[[name in self.empty for name in layers]] = np.nan
        return out.astype(np.float32)


def task(folder: Path, steps: int = 60, ground: Drawn | None = None) -> PretrainingTask:
    model = ModelSettings(
        kind="seasons", window=5, width=0.125, learning_rate=1e-2,
        pretraining=PretrainingSettings(steps=steps),
    )  # fmt: skip
    engine = EngineSettings(training="local", workers=1, threads=1, checkpoint_seconds=0)
    about = {"survey": "there"}
    inputs = ModelInputs(NAMES, 5, LAYOUT)
    ground = ground or Drawn()
    return PretrainingTask(
        model, engine, inputs, ground, Store(str(folder)), "1", folder / "steps", about
    )
