"""What a stage that fits models needs: sessions, checkpoints, and where they are applicable."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from minecover.arrays import Int64Array
from minecover.engines.threads import limited_threads
from minecover.models.data import TrainingData
from minecover.models.lookup import kind_of
from minecover.prediction.applicability import Applicability
from minecover.selection.result import Selection
from minecover.survey import Survey
from minecover.workflow.stage import Workspace

__all__ = ["applicability_of", "checkpoints", "learning_session"]


@contextmanager
def learning_session(survey: Survey) -> Iterator[None]:
    """Keep what the survey's kind of model starts for a training over several of them."""
    with kind_of(survey.model).session(survey.engine):
        yield


@contextmanager
def checkpoints(workspace: Workspace) -> Iterator[Path]:
    """Give a folder for checkpoints: in the store, so that a training that died is resumed."""
    folder = workspace.store.local_path
    if folder is not None:
        yield folder / "checkpoints"
    else:
        with tempfile.TemporaryDirectory() as scratch:
            yield Path(scratch)


def applicability_of(data: TrainingData, selection: Selection, folds: Int64Array) -> Applicability:
    """Measure where a model is applicable: by its samples, whose folds are given, and the ranks."""
    scores = dict(zip(selection.names, selection.combined, strict=True))
    importance = np.array([scores[name] for name in data.layers])
    with limited_threads(1):  # by more, distances might be rounded otherwise
        return Applicability.fit(data.centres, data.layers, importance, folds)
