"""The stage that computes features from the cube."""

from __future__ import annotations

from minecover.features.build import FeaturesJob, texture_range
from minecover.features.computed import CUBE, RANGE, STORED, feature_layer_names
from minecover.stages.registry import PURPOSES
from minecover.survey import Survey
from minecover.workflow.cost import StageCost, Workload
from minecover.workflow.layout import Target
from minecover.workflow.progress import Facts
from minecover.workflow.stage import Stage, StageContext, Workspace

__all__ = ["FEATURES"]


def _compute(context: StageContext) -> Facts:
    run = context.workspace
    low, high = _texture_range(run, context.fingerprint)
    names = feature_layer_names(run.survey)
    facts: Facts = {"texture_range": [low, high], "layers": len(names)}
    keep = run.survey.features.keep
    if keep != "all":
        if keep == "none" or run.ledger.layout("features") is not None:
            # what was kept under other settings is of no use any more
            run.ledger.forget("features")
            run.store.delete(STORED)
        return facts
    target = Target(STORED, names, {"texture_range": [low, high]})
    job = FeaturesJob(run.store.url, run.survey, context.fingerprint, (low, high))
    return context.do_tiles(target, job) | facts


def _texture_range(run: Workspace, fingerprint: str) -> tuple[float, float]:
    """Range over which texture is quantised, of a cube that may have been fixed since."""
    generation = run.invalidation.known["features"]
    known = run.store.read_json(RANGE)
    mine = known is not None and known["fingerprint"] == fingerprint
    if known is None or not mine or known["generation"] != generation:
        found = list(texture_range(run.survey, run.grid, run.store.layers(CUBE)))
        if known is not None and mine and known["texture_range"] != found:
            # every tile's texture is another; before it is recorded, should this driver die
            run.ledger.forget("features")
        known = {"fingerprint": fingerprint, "generation": generation, "texture_range": found}
        run.store.write_json(RANGE, known)
    low, high = known["texture_range"]
    return low, high


def _units(survey: Survey, work: Workload) -> float:
    """Pixels x layers, where features are stored."""
    return float(work.pixels * work.feature_layers) if survey.features.keep == "all" else 0.0


FEATURES = Stage(
    "features",
    PURPOSES["features"],
    lambda run: [run.survey.features.model_dump(mode="json")],
    _compute,
    code=("features",),
    has_tiles=lambda survey: survey.features.keep == "all",
    reach="neighbours",
    writes=(STORED,),
    cost=StageCost(
        units=_units,
        volume=lambda survey, v: (v.range_read, v.features),
        layers=lambda work: work.feature_layers,
    ),
)
"""Its result: `features.json` and, where they are kept, `features.zarr`."""
