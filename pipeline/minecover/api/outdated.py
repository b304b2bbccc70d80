"""State of the stages of a store, and which results are of other settings than a survey's."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pandas as pd

from minecover.errors import MinecoverError
from minecover.ledger.markers import Ledger
from minecover.ledger.status import StageStatus, survey_status
from minecover.stages.registry import STAGES, stage_names, stages_of
from minecover.storage.names import COMPARISON
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.workflow.stage import Workspace

__all__ = ["current_status", "outdated_stages", "status_table", "stores_no_features"]


def outdated_stages(store: Store, survey: Survey) -> frozenset[str]:
    """Find the stages whose results a run of the survey would make anew.

    Only those of which the ledger knows a result; the others are open. Where a file of the survey
    cannot be read, the stages that it goes into cannot be compared and are not among them.
    """
    workspace, ledger = Workspace(survey, stages_of(survey)), Ledger(store)
    made = {stage.name: _made_from(ledger, stage.name) for stage in workspace.stages}
    own: dict[str, str] = {}
    if any(value is not None for value in made.values()):
        with suppress(MinecoverError):
            own.update(workspace.fingerprints())
    return frozenset(
        name for name, value in own.items() if made[name] is not None and made[name] != value
    )


def current_status(store: Store, survey: Survey) -> list[StageStatus]:
    """Status of a survey's stages; those that a run would make anew are `outdated`.

    A comparison is among them while it goes on.
    """
    outdated = outdated_stages(store, survey)
    (comparison,) = survey_status(store, (COMPARISON,))
    stages = [
        replace(status, state="outdated")
        if status.stage in outdated and status.state in ("done", "begun")
        else status
        for status in survey_status(store, stage_names(survey))
    ]
    return [*stages, comparison] if comparison.state == "running" else stages


def status_table(store: Store, survey: Survey | None) -> pd.DataFrame:
    """Lay out the state of every stage; without a survey none is outdated."""
    statuses = (
        survey_status(store, STAGES.own_names())
        if survey is None
        else current_status(store, survey)
    )
    rows = [
        {
            "stage": item.stage,
            "state": item.state,
            "tiles": item.tiles,
            "done": item.done,
            "failed": item.failed,
            "seconds": item.seconds,
        }
        for item in statuses
    ]
    table: pd.DataFrame = pd.DataFrame(rows).set_index("stage")
    return table.astype({"tiles": "Int64"})


def stores_no_features(store: Store) -> bool:
    """Tell whether the features stage is done and stored none."""
    ledger = Ledger(store)
    return ledger.stage("features") is not None and ledger.layout("features") is None


def _made_from(ledger: Ledger, stage: str) -> str | None:
    """Fingerprint of a stage's result; empty: it was invalidated; None: there is none."""
    for document in (ledger.stage(stage), ledger.layout(stage)):
        if document is not None:
            return str(document["fingerprint"])
    return "" if ledger.generation(stage) else None
