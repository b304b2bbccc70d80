"""What is known of the accuracy of a map whose model was carried from another survey."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from minecover.accuracy.calibration import fitted_without_folds
from minecover.arrays import Float32Array
from minecover.models.class_shares import ground_shift
from minecover.models.recalibrated import recalibrated_by
from minecover.samples.sample_set import SampleSet
from minecover.stages.carry import around, carried_points, known_to_model
from minecover.stages.retraining import held_out_probabilities
from minecover.storage.names import ACCURACY_FILE, MAP_RASTER, READINGS_RASTER
from minecover.survey import Survey
from minecover.survey.carried import carried_origin, source_store
from minecover.validation.assessed_points import AssessedPoints
from minecover.validation.carried_points import CarriedPoints
from minecover.validation.holdout import over_classes
from minecover.validation.refined import RefinedPoints
from minecover.workflow.stage import Workspace

__all__ = ["carried_document", "carried_results"]

FIGURES = ("overall_accuracy", "kappa", "macro_f1", "samples")

Document = dict[str, Any]


@dataclass(frozen=True, eq=False)
class _Readings:
    """Probabilities of points, (point, class): by themselves, and as the map has them."""

    plain: Float32Array
    on_map: Float32Array


def carried_results(workspace: Workspace) -> dict[str, AssessedPoints]:
    """Test the carried model at the samples of the survey that it does not know.

    What was fitted to samples is fitted to those of other folds.
    """
    if not workspace.survey.samples.paths:
        return {}
    carried = (workspace.ledger.stage("carry") or {"facts": {}})["facts"]
    points, adapted = carried_points(workspace), bool(carried.get("adapted"))
    beside = around(workspace, points)
    as_it_came = _assessed(workspace, points, _as_it_came(workspace, points, beside))
    if not adapted:
        return {"spatial_blocks": as_it_came}
    if workspace.survey.model.adaptation == "retrain":
        crossed = _Readings(*held_out_probabilities(workspace.store))
    else:
        crossed = _recalibrated(workspace, points, beside)
    return {"spatial_blocks": _assessed(workspace, points, crossed), "as_it_came": as_it_came}


def _as_it_came(workspace: Workspace, points: CarriedPoints, beside: RefinedPoints) -> _Readings:
    """Read points by the model as it came, moved to the shares of the ground if the survey says."""
    shift = ground_shift(workspace.survey.model, points.classifier.classes, points.learned)
    if shift is None:
        plain, classifier = points.probabilities, points.classifier
    else:
        plain = shift.apply(points.probabilities)
        classifier = recalibrated_by(points.classifier, shift)
    return _Readings(plain, plain if beside.refinement is None else beside.read(classifier))


def _recalibrated(workspace: Workspace, points: CarriedPoints, beside: RefinedPoints) -> _Readings:
    """Read the points of each fold by the model as it is recalibrated by the others."""
    model, classifier = workspace.survey.model, points.classifier
    plain = np.empty_like(points.probabilities)
    on_map = plain if beside.refinement is None else np.empty_like(plain)
    shift = ground_shift(model, classifier.classes, points.learned)
    for here, fitted in fitted_without_folds(
        points.probabilities, points.labels, points.folds, points.shift, biased=False
    ):
        found = fitted if shift is None else shift.after(fitted)
        plain[here] = found.apply(points.probabilities[here])
        if beside.refinement is not None:
            on_map[here] = beside.part(here).read(recalibrated_by(classifier, found))
    return _Readings(plain, on_map)


def _assessed(workspace: Workspace, points: CarriedPoints, read: _Readings) -> AssessedPoints:
    known, classes = points.classifier.classes, tuple(workspace.survey.class_codes.values())
    codes = np.array(known, dtype=np.int64)
    mapped = codes[read.on_map.argmax(axis=1)]
    return AssessedPoints(
        rows=points.rows,
        reference=points.samples.codes,
        mapped=mapped,
        plain=codes[read.plain.argmax(axis=1)],
        smoothed=mapped,
        apart=np.ones(len(mapped), dtype=bool),
        confidence=read.on_map.max(axis=1),
        probabilities=over_classes(read.plain, known, classes),
        blocks=points.samples.blocks,
        region=np.full(len(mapped), "", dtype=object),
        readings=np.empty((len(mapped), 0, 0), dtype=np.float32),
        map_probabilities=over_classes(read.on_map, known, classes),
    )


def carried_document(workspace: Workspace, results: Mapping[str, AssessedPoints]) -> Document:
    """Say what was measured here and what there, and how much of the ground is like that there."""
    survey = workspace.survey
    origin = carried_origin(survey)
    there = source_store(survey).read_json(ACCURACY_FILE) or {"splits": {}}
    expected = {
        name: {key: split[key] for key in FIGURES}
        for name, split in there["splits"].items()
        if name in ("spatial_blocks", "areas")
    }
    codes, known = survey.class_codes, 0
    if results:
        known = int(known_to_model(workspace, SampleSet.read(workspace.store)).sum())
    document: Document = {
        "from": origin.survey,
        "measured_here": bool(results),
        "known_to_model": known,
        "measured_there": expected,
        "applicable_share": _applicable_share(workspace),
    }
    document["statement"] = _statement(document)
    return {
        "protocol": _protocol(results, survey),
        "splits": {name: points.document(codes) for name, points in results.items()},
        "regions": {},
        "carried": document,
        **_smoothing(survey, results),
    }


def _smoothing(survey: Survey, results: Mapping[str, AssessedPoints]) -> Document:
    """Say what smoothing gains at the points, where the map is smoothed."""
    settings = survey.prediction
    if not results or not settings.smoothing:
        return {}
    applied = {"window": settings.smoothing, "applied": True}
    borders = {"borders": settings.borders} if settings.borders else {}
    return {"smoothing": {**applied, **borders, **results["spatial_blocks"].gain()}}


def _protocol(results: Mapping[str, AssessedPoints], survey: Survey) -> str:
    adaptation = survey.model.adaptation
    if not results:
        return "The model was trained in another survey, and this one has no samples to test it."
    adapted = ""
    if "as_it_came" in results and adaptation == "retrain":
        adapted = (
            " For each spatial fold it was trained anew, on the samples that it came with and on "
            "those of the other folds."
        )
    elif "as_it_came" in results:
        adapted = " Its recalibration was fitted, for each spatial fold, to samples of the others."
    smoothed = ", smoothed as the map is" if survey.prediction.smoothing else ""
    if survey.combines_periods:
        smoothed += ", each in its period by itself: what combining the periods gains is not known"
    return (
        "The model was trained in another survey and tested at all samples of this "
        f"one that it does not know{smoothed}.{adapted}"
    )


def _statement(document: Document) -> str:
    """One paragraph, for console, report and accuracy.json."""
    where, there = document["from"], document["measured_there"]
    words = {"areas": "in whole areas left out", "spatial_blocks": "in spatial blocks"}
    known = [
        f"{split['overall_accuracy']:.3f} {words[name]} (macro F1 {split['macro_f1']:.3f})"
        for name, split in there.items()
    ]
    text = f"The model was carried from survey {where}. "
    if document["measured_here"]:
        text += "Its accuracy was measured here, at samples that it did not learn from. "
        if met := document["known_to_model"]:
            text += f"It learned where {met} others lie, or beside them: they were left out. "
    else:
        text += "ITS ACCURACY WAS NOT MEASURED HERE. "
    if known:
        text += f"There its overall accuracy was {' and '.join(known)}. "
    if "areas" not in there:
        text += (
            "How much is lost on ground far from any sample was not measured there "
            "(assessment.areas). "
        )
    share = document["applicable_share"]
    if share is not None:
        text += f"{share:.0%} of the area here is like the samples there, the rest is not. "
    if not document["measured_here"]:
        text += "Measure it: label the points of `minecover design`, or give samples."
    return text.strip()


def _applicable_share(workspace: Workspace) -> float | None:
    """Share of the mapped pixels within the threshold of dissimilarity; None without that layer.

    Of a survey of periods, of the latest.
    """
    if not workspace.survey.prediction.applicability:
        return None
    name = READINGS_RASTER if workspace.survey.combines_periods else MAP_RASTER
    raster, grid = workspace.store.layers(name), workspace.grid
    threshold = float(raster.attributes["applicability_threshold"])
    inside = mapped = 0
    for tile in grid.tiles:
        window = grid.window(tile)
        unlike = raster.read(window, ["dissimilarity"])[0]
        seen = np.isfinite(unlike) & grid.area_mask(window)
        mapped += int(seen.sum())
        inside += int((unlike[seen] <= threshold).sum())
    return round(inside / mapped, 6) if mapped else None
