"""The stage that ranks the layers and chooses some."""

from __future__ import annotations

import numpy as np

from minecover.errors import DataError
from minecover.selection.ranking import select
from minecover.selection.result import Selection
from minecover.stages.fitting import BoolArray
from minecover.stages.registry import PURPOSES
from minecover.stages.samples import SampleSet
from minecover.storage.names import SELECTION_FILE
from minecover.survey import Survey
from minecover.workflow.progress import Facts
from minecover.workflow.stage import Stage, StageContext, Workspace

__all__ = ["SELECT", "STABILITY_RESAMPLES", "choose", "read_selection", "select_layers"]

STABILITY_RESAMPLES = 4
"""Choices from resampled points that the stability of the selection is told from."""


def choose(
    survey: Survey, samples: SampleSet, use: BoolArray, keep: int | None, *, resamples: int = 0
) -> Selection:
    """Rank and choose layers from some of the points; `keep`: how many, None: find it."""
    settings = survey.selection
    everything = settings.method == "all"
    return select(
        samples.values(samples.layers)[use],
        samples.codes[use],
        samples.layers,
        method="both" if settings.method == "all" else settings.method,
        keep=len(samples.layers) if everything else keep,
        drop_redundant=not everything,
        resamples=resamples,
        engine=settings.engine,
        neighbours=settings.neighbours,
        trees=settings.trees,
        groups=samples.table["block"].to_numpy(np.int64)[use],
        seed=survey.model.seed,
        threads=survey.engine.workers * survey.engine.threads,
    )


def select_layers(context: StageContext) -> Facts:
    """Rank and choose layers from all points; `selection.json`."""
    run = context.workspace
    samples = SampleSet.read(run)
    everyone = np.ones(len(samples.table), dtype=bool)
    keep = run.survey.selection.keep
    selection = choose(run.survey, samples, everyone, keep, resamples=STABILITY_RESAMPLES)
    run.store.write(SELECTION_FILE, selection.to_json().encode())
    return {
        "layers": len(samples.layers),
        "chosen": list(selection.chosen),
        "redundant": [[pair.better, pair.worse] for pair in selection.redundant],
    }


def read_selection(run: Workspace) -> Selection:
    """Read what the select stage wrote.

    Raises
    ------
    DataError
        The stage has not run.
    """
    data = run.store.read(SELECTION_FILE)
    if data is None:
        raise DataError(f"{run.store.url}/{SELECTION_FILE}: missing; run `minecover select`")
    return Selection.from_json(data.decode())


SELECT = Stage(
    "select",
    PURPOSES["select"],
    lambda run: [run.survey.selection.model_dump(mode="json")],
    select_layers,
    code=("selection", "stages/select.py", "stages/fitting.py"),
)
"""Its result: `selection.json`."""
