"""A finished store of which a JSON file is spoiled: read, planned, and run again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from minecover.api.results import Results
from minecover.demo.district import build_district
from minecover.ledger.status import survey_status
from minecover.planning.plan import plan_survey
from minecover.stages.registry import stage_names, stages_of
from minecover.storage.identity import known_store
from minecover.survey import Survey, load
from minecover.testing.stages import number_stages, tile_survey
from minecover.workflow.progress import Silent
from minecover.workflow.retry import TileChoice, retry
from minecover.workflow.run import Run
from minecover.workflow.stage import Workspace

__all__ = ["FinishedStore", "StubbedStore"]

Json = Any


class _Spoiled:
    """A store whose files are put back after each document."""

    def __init__(self, store: Path) -> None:
        self.store, self.whole = store, store.with_name(f"{store.name}-whole")
        shutil.copytree(store, self.whole, dirs_exist_ok=True)
        self.documents: dict[str, Json] = {
            str(path.relative_to(store)): json.loads(path.read_bytes())
            for path in sorted(store.rglob("*.json"))
        }

    def _spoil(self, name: str, data: bytes) -> None:
        shutil.rmtree(self.store)
        shutil.copytree(self.whole, self.store)
        (self.store / name).write_bytes(data)


class FinishedStore(_Spoiled):
    """What a run on a simulated district left, read by every command that reads it."""

    def __init__(self, folder: Path) -> None:
        described = folder / "district" / "survey.yaml"
        if not described.exists():
            build_district(described.parent, size=96, points_scale=4)
        self.survey: Survey = load(described).replace(
            grid__tile=32,
            engine={"tiles": "local", "prediction": "local", "training": "local"},
            model={"kind": "nb"},
            selection={"keep": 5, "trees": 10},
            samples__folds=2,
            assessment__areas=True,
            store=str(folder / "store"),
        )
        Run(self.survey, stages_of(self.survey), Silent()).until("publish")
        super().__init__(folder / "store")

    def read(self, name: str, data: bytes) -> None:
        """Look at everything that the store holds, with one file spoiled."""
        self._spoil(name, data)
        workspace = Workspace(self.survey, stages_of(self.survey))
        store = known_store(self.survey.store)
        survey_status(store, list(stage_names(self.survey)))
        dict(workspace.fingerprints())
        workspace.facts()
        plan_survey(workspace)
        results = Results(store, self.survey)
        for what in ("accuracy", "samples", "areas", "mines", "cube", "features", "map"):
            found = getattr(results, what)
            if callable(found):
                found()
        retry(store, TileChoice(since=0.0), workspace.order)


class StubbedStore(_Spoiled):
    """What a run of stubbed stages left half done, run to its end."""

    def __init__(self, folder: Path) -> None:
        self.survey = tile_survey(str(folder / "stubs"), 1, 2)
        Run(self.survey, number_stages(), Silent()).until("cube")
        super().__init__(folder / "stubs")

    def run(self, name: str, data: bytes) -> None:
        """Run to the end, with one file spoiled."""
        self._spoil(name, data)
        Run(self.survey, number_stages(), Silent()).until("features")
