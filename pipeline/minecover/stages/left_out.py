"""Points that a model was not trained on because their labels are doubtful, beside the model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minecover.arrays import BoolArray
from minecover.errors import StoreError
from minecover.samples.sample_set import SampleSet
from minecover.storage.canonical_json import Json
from minecover.storage.names import MODEL_FOLDER
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.validation.doubtful import judge_samples, places_of_classes
from minecover.workflow.progress import Facts
from minecover.workflow.stage import Workspace

__all__ = ["LeftOut", "leave_out", "left_out_at", "left_out_document"]

FILE = "left_out.json"
"""Object under a model's prefix."""

PLACES = 4


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Points that are not trained on.

    Attributes
    ----------
    use
        (point,) whether a point is.
    facts
        Figures of the stage; none where nobody asked for it.
    listed
        The points that are not, as they are written.
    """

    use: BoolArray
    facts: Facts
    listed: tuple[Json, ...] = ()

    def save(self, store: Store, prefix: str) -> None:
        """Write beside a model which points it was not trained on."""
        if self.facts:
            store.write_json(prefix + FILE, list(self.listed))


def leave_out(survey: Survey, samples: SampleSet, layers: tuple[str, ...]) -> LeftOut:
    """Find the points whose labels are too doubtful to teach, as `model.doubtful_labels` says.

    Parameters
    ----------
    survey
        Whose model is trained.
    samples
        Points of a region, complete in the layers.
    layers
        That the model reads.
    """
    if survey.model.doubtful_labels == "keep":
        return LeftOut(np.ones(len(samples), dtype=bool), {})
    judged, names = judge_samples(survey, samples, layers), list(survey.class_codes)
    out = judged.left_out
    listed = tuple(
        {"id": int(number), "class": name, "likely": names[likely], "doubt": round(doubt, PLACES)}
        for number, name, likely, doubt in zip(
            samples.table["id"][out],
            samples.table["name"][out],
            judged.doubts.likely[out].tolist(),
            judged.doubts.doubt[out].tolist(),
            strict=True,
        )
    )
    facts = {"doubtful_labels": judged.to_dict(names, places_of_classes(survey, samples))}
    return LeftOut(~out, facts, listed)


def left_out_at(store: Store, samples: SampleSet, prefix: str = MODEL_FOLDER) -> BoolArray:
    """(point,) points that the model of a store was not trained on.

    Parameters
    ----------
    store, prefix
        Where the model is.
    samples
        Of its survey.

    Raises
    ------
    StoreError
        What is known of it is damaged.
    """
    listed = store.read_json(prefix + FILE) or []
    try:
        numbers = [int(point["id"]) for point in listed]
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(
            f"{store.url}/{prefix}{FILE}: damaged ({error}); train again: `minecover train --again`"
        ) from error
    return np.asarray(samples.table["id"].isin(numbers))


def left_out_document(workspace: Workspace) -> dict[str, Json]:
    """Say which labels the survey's own models did not learn from, where it leaves some out."""
    trained = workspace.ledger.stage("train")
    if trained is None or "doubtful_labels" not in trained["facts"]:
        return {}
    return {"doubtful_labels": trained["facts"]["doubtful_labels"]}
