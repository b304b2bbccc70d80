"""The stage that ranks the layers and chooses some."""

from __future__ import annotations

import numpy as np

from minecover.errors import DataError
from minecover.samples.sample_set import SampleSet
from minecover.selection.result import Selection
from minecover.stages.labelled import labelled_in
from minecover.stages.registry import PURPOSES
from minecover.storage.names import SELECTION_FILE
from minecover.survey.model_inputs import model_inputs
from minecover.validation.layers import choose_layers
from minecover.workflow.cost import StageCost
from minecover.workflow.progress import Facts
from minecover.workflow.stage import Stage, StageContext, Workspace

__all__ = ["SELECT", "STABILITY_RESAMPLES", "read_selection", "select_layers"]

STABILITY_RESAMPLES = 4
"""Choices from resampled points that the stability of the selection is estimated from."""


def select_layers(context: StageContext) -> Facts:
    """Rank and choose layers from all points; `selection.json`."""
    survey, store = context.workspace.survey, context.workspace.store
    samples = SampleSet.read(store)
    selection = choose_layers(
        samples,
        np.ones(len(samples), dtype=bool),
        survey.selection,
        seed=survey.model.seed,
        threads=survey.engine.cores,
        resamples=STABILITY_RESAMPLES,
        report=context.report,
    )
    store.write(SELECTION_FILE, selection.to_json().encode())
    return {
        "layers": len(samples.layers),
        "chosen": list(selection.chosen),
        "redundant": [[pair.better, pair.worse] for pair in selection.redundant],
    }


def read_selection(workspace: Workspace) -> Selection:
    """Read what the select stage wrote.

    Raises
    ------
    DataError
        The stage has not run.
    """
    data = workspace.store.read(SELECTION_FILE)
    if data is None:
        raise DataError(f"{workspace.store.url}/{SELECTION_FILE}: missing; run `minecover select`")
    return Selection.from_json(data.decode())


SELECT = Stage(
    "select",
    PURPOSES["select"],
    lambda workspace: [workspace.survey.selection.model_dump(mode="json")],
    select_layers,
    code=("selection", "stages/select.py", "validation/layers.py"),
    periods_read=labelled_in,
    cost=StageCost(
        units=lambda survey, work: float(work.points * work.feature_layers),
        volume=lambda survey, v: (v.table, 0.0),
        # where nobody says how many layers to keep, it also finds out how many
        variant=lambda survey: "" if survey.selection.keep is None else "keep",
        all_workers=True,
        learned=lambda survey, facts: {"chosen": len(model_inputs(survey, facts["chosen"]).layers)},
    ),
)
"""Its result: `selection.json`."""
