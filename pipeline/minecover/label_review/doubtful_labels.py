"""Labels of a survey that are likely wrong, as a list to look at again."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial

import geopandas as gpd
import numpy as np
import pandas as pd

from minecover.area_estimation.labelled_points import PURPOSE, TRAINING
from minecover.arrays import BoolArray, Float64Array
from minecover.engines.report import Report
from minecover.errors import SurveyError
from minecover.label_noise.confident_learning import NoiseRate, noise_rate
from minecover.label_noise.doubts import Doubts, doubts_of
from minecover.label_noise.neighbours import neighbour_shares
from minecover.label_review.chips import chips_of
from minecover.label_review.out_of_fold import out_of_fold
from minecover.label_review.points_file import LABEL, PERIOD, write_points
from minecover.models.lookup import as_kind, kind_of
from minecover.models.registry import MODELS
from minecover.products.doubts import render_doubts
from minecover.samples.regions import Regions
from minecover.samples.sample_set import SampleSet
from minecover.sources.manifest import Manifest
from minecover.stages.features import open_features
from minecover.stages.fitting import checkpoints
from minecover.stages.left_out import left_out_at
from minecover.stages.publish import source_facts
from minecover.stages.select import read_selection
from minecover.storage.canonical_json import Json
from minecover.storage.names import PRODUCTS_FOLDER, manifest_of
from minecover.survey.model_inputs import model_inputs
from minecover.workflow.run import Run
from minecover.workflow.steps import StageSteps

__all__ = ["DoubtOptions", "find_doubts"]

NAME = "doubts"
"""Of the files, and of the work as it is shown."""

LEFT_OUT = "left_out"
"""Column of the list, and figure: whether the survey's model learned from a point."""

PLACES = 4
"""Decimal places of shares and probabilities in the list."""


@dataclass(frozen=True)
class DoubtOptions:
    """How labels are judged, and how many are listed.

    Attributes
    ----------
    share
        Of the points, the most doubtful, that are listed.
    model
        Kind of model that judges them.
    neighbours
        In the space of the features, that are compared with each point.
    pictures
        Points whose ground is shown, the most doubtful.
    """

    share: float = 0.1
    model: str = "rf"
    neighbours: int = 10
    pictures: int = 60

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise SurveyError(f"--share: {self.share}; give a share of the points, as 0.1")
        if self.model not in MODELS:
            raise SurveyError(f"--model: no {self.model!r}; there are {', '.join(MODELS.names())}")
        for name, least in (("neighbours", 1), ("pictures", 0)):
            if getattr(self, name) < least:
                raise SurveyError(f"--{name}: {getattr(self, name)}; give at least {least}")


@dataclass(frozen=True, eq=False)
class _Judged:
    """Points that could be judged, and how doubtful they are.

    Attributes
    ----------
    samples
        The points.
    doubts, noise
        Of their labels.
    lacking
        Points that lack a layer.
    left_out
        (point,) whether the survey's model was trained without it as doubtful; None: no model is
        there that was to be.
    """

    samples: SampleSet
    doubts: Doubts
    noise: NoiseRate
    lacking: int
    left_out: BoolArray | None


def find_doubts(run: Run, options: DoubtOptions) -> tuple[Json, gpd.GeoDataFrame]:
    """List the labels that models trained elsewhere, and similar points, speak against.

    A model is trained without each fold of the survey's blocks and reads its points; the share of
    wrong labels is estimated from that (confident learning). The list is ordered by that and by the
    labels of the nearest points in the space of the features. Writes `products/doubts.csv`,
    `doubts.gpkg`, `doubts.json` and `doubts.html`, which shows the ground at the first points.

    Parameters
    ----------
    run
        The survey; its stages up to `select` are done where they are not complete.
    options
        How.

    Returns
    -------
    What was written as JSON, and the list.

    Raises
    ------
    DataError
        Points cannot be read by models of other places: all are of one class, or lack layers.
    """
    run.until("select")
    began = time.perf_counter()
    run.progress.started(NAME, None, 0)
    judged = _judged(run, options, StageSteps(partial(run.progress.step, NAME)))
    table = _table(run, judged, options.share)
    document = _document(run, judged, options, len(table))
    _write(run, table, document, options.pictures)
    run.progress.finished(NAME, {}, time.perf_counter() - began)
    return document, table


def _judged(run: Run, options: DoubtOptions, report: Report) -> _Judged:
    survey, samples = run.survey, SampleSet.read(run.store)
    selection = read_selection(run)
    model = as_kind(survey.model, options.model)
    inputs = model_inputs(survey, selection.chosen, selection.names, model)
    features = partial(open_features, run.store, survey)
    with kind_of(model).session(survey.engine), checkpoints(run) as folder:
        found = out_of_fold(survey, samples, model, inputs, features, folder, report)
    read: BoolArray = np.asarray(np.isfinite(found).all(axis=1))
    part, probabilities = samples.part(read), found[read]
    names = tuple(survey.class_codes.values())
    labels = np.array([names.index(code) for code in part.codes], dtype=np.int64)
    shares = neighbour_shares(part.values(inputs.layers), labels, len(names), options.neighbours)
    return _Judged(
        part,
        doubts_of(labels, probabilities, shares),
        noise_rate(labels, probabilities, part.blocks, survey.model.seed),
        int((~read).sum()),
        _left_out(run, part),
    )


def _left_out(run: Run, samples: SampleSet) -> BoolArray | None:
    """Look up what the survey's model, where it is trained, did not learn from."""
    trained = run.ledger.stage("train")
    if trained is None or "doubtful_labels" not in trained["facts"]:
        return None
    regions = Regions.load(run.store)
    parts = [left_out_at(run.store, samples, regions.prefix(n)) for n in range(len(regions))]
    return np.asarray(np.any(parts, axis=0))


def _table(run: Run, judged: _Judged, share: float) -> gpd.GeoDataFrame:
    """List the most doubtful points with what speaks against their labels."""
    doubts, names = judged.doubts, np.array(list(run.survey.class_codes), dtype=object)
    first = doubts.order[: max(1, round(share * len(judged.samples)))]
    points = judged.samples.table.iloc[first].reset_index(drop=True)
    x, y = points["x"].to_numpy(np.float64), points["y"].to_numpy(np.float64)
    listed = pd.DataFrame(
        {
            "id": points["id"],
            "rank": np.arange(1, len(first) + 1),
            LABEL: points["name"],
            "likely": names[doubts.likely[first]],
            "doubt": _rounded(doubts.doubt[first]),
            "p_class": _rounded(doubts.labelled[first]),
            "p_likely": _rounded(doubts.other[first]),
            "disagreeing": _rounded(doubts.disagreeing[first]),
            **({} if judged.left_out is None else {LEFT_OUT: judged.left_out[first]}),
            **({PERIOD: points["period"]} if "period" in points else {}),
            PURPOSE: TRAINING,
            "row": points["row"],
            "col": points["col"],
        }
    )
    return gpd.GeoDataFrame(listed, geometry=gpd.points_from_xy(x, y), crs=run.grid.crs)


def _rounded(values: Float64Array) -> Float64Array:
    return np.round(values, PLACES)


def _document(run: Run, judged: _Judged, options: DoubtOptions, listed: int) -> Json:
    manifest = Manifest.load(run.store, manifest_of(run.survey.period_names[-1]))
    return {
        "survey": run.survey.name,
        "title": run.survey.title or run.survey.name.replace("_", " "),
        "simulated": [s.label for s in source_facts(run.survey, manifest) if s.simulated],
        "model": MODELS[options.model].label,
        "points": len(judged.samples),
        "lacking_layers": judged.lacking,
        "listed": listed,
        "more_likely_another": int((judged.doubts.doubt > 0.5).sum()),
        **({} if judged.left_out is None else {LEFT_OUT: int(judged.left_out.sum())}),
        "wrong_labels": judged.noise.to_dict(list(run.survey.class_codes)),
    }


def _write(run: Run, table: gpd.GeoDataFrame, document: Json, pictures: int) -> None:
    """Write list, sheet and figures; the figures last."""
    store, shown = run.store, table.iloc[:pictures]
    places = table.drop(columns=["row", "col"])
    write_points(run, NAME, places)
    page = render_doubts(document, run.survey.classes, places, chips_of(run, shown))
    store.write(f"{PRODUCTS_FOLDER}{NAME}.html", page.encode())
    store.write_json(f"{PRODUCTS_FOLDER}{NAME}.json", document)
