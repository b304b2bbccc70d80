"""What a stage that fits models needs: sessions and checkpoints."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from minecover.models.registry import MODELS
from minecover.survey import Survey
from minecover.workflow.stage import Workspace

__all__ = ["checkpoints", "learning_session"]


@contextmanager
def learning_session(survey: Survey) -> Iterator[None]:
    """Keep what the survey's kind of model starts for a training over several of them."""
    with MODELS[survey.model.kind].session(survey.engine):
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
