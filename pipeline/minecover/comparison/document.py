"""The comparison as one document: the form of the paper's Tables 3 to 5 and Figures 5 to 7.

Liu et al. 2025 (10.6046/zrzyyg.2024080) compare layer sets (Table 3), count the chosen layers by
season and group (Table 4) and compare six classifiers (Table 5). The numbering is theirs; that
Figure 5 ranks the layers, Figure 6 follows the accuracy along the ranking and Figure 7 sets the
classifiers side by side class by class is our reading of what a survey needs to see there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minecover.comparison.bench import Bench, Document
from minecover.comparison.claim import claim
from minecover.comparison.plan import RANKED, LayerChoice, Options, left_out, plan
from minecover.comparison.summary import Row, against, rows_of
from minecover.models.lookup import as_kind, kind_of, voters_of
from minecover.models.settings import ModelSettings
from minecover.products.report_tables import STATIC

__all__ = ["comparison_document"]

Json = dict[str, Any]
Groups = Mapping[str, tuple[str | None, str]]


def comparison_document(
    bench: Bench,
    options: Options,
    documents: Mapping[str, Document],
    groups: Groups,
    selection: Mapping[str, Any],
    simulated: Sequence[str] = (),
) -> Json:
    """Put the documents of all tasks together.

    Parameters
    ----------
    bench
        On which they were carried out.
    options
        What is compared.
    documents
        By name of the task.
    groups
        Season (or None) and group of every layer.
    selection
        The survey's own ranking, from all points, as the report shows it.
    simulated
        Labels of the sources whose data was simulated.
    """
    choices, trials = plan(options, bench.survey)
    rows = rows_of(trials, documents, bench.survey.class_codes)
    known = left_out(bench.survey)
    compared = [row for row in rows if row.model in options.models and row.layers in options.sets]
    chosen_set = "both" if "both" in options.sets else options.sets[-1]
    return {
        **_protocol(bench, options),
        "simulated": list(simulated),
        "rows": _tested(compared, 1e6 / bench.survey.grid.resolution**2),
        "table_3": {"model": _table_3_model(bench, options)},
        "table_4": _table_4(choices, documents, groups, bench, chosen_set),
        "table_5": {"layers": chosen_set},
        "figure_5": selection,
        "groups": {name: list(pair) for name, pair in groups.items()},
        "figure_6": _curves(choices, documents),
        "figure_7": {"layers": chosen_set},
        "claim": claim([row for row in compared if row.layers == chosen_set]),
        "ablation": _ablation(rows, known, options.ablation_model or bench.survey.model.kind)
        if options.ablation
        else None,
    }


def _protocol(bench: Bench, options: Options) -> Json:
    seeds = sorted({seed for _, seed in bench.folds})
    survey = bench.survey
    folds = min(options.folds or survey.assessment.folds, survey.samples.folds)
    model = survey.model.for_samples(int(bench.complete.sum()))
    tuned = (kind_of(as_kind(survey.model, name)).tunes for name in options.models)
    return {
        "survey": survey.name,
        "classes": list(survey.class_codes),
        "seasons": list(survey.seasons),
        "models": list(options.models),
        "unweighted": _unweighted(survey.model, options),
        "sets": list(options.sets),
        "seeds": seeds,
        "folds_tested": folds,
        "folds": survey.samples.folds,
        "buffer_pixels": bench.buffer,
        "points": int(bench.complete.sum()),
        "points_incomplete": int((~bench.complete).sum()),
        "regions": int(bench.samples.table["region"].nunique()),
        "layers": len(bench.samples.layers),
        "keep": survey.selection.keep,
        "searched": options.search,
        "epochs": model.epochs if any(tuned) else None,
    }


def _unweighted(settings: ModelSettings, options: Options) -> list[str]:
    """Name the models that learn from points alone, where the survey weighs them."""
    if settings.class_weights == "none":
        return []
    return [
        name
        for name in options.models
        if not all(kind_of(one).weighted for one in voters_of(as_kind(settings, name)))
    ]


def _tested(rows: Sequence[Row], pixels: float) -> list[Json]:
    """Rows as JSON, each tested against the best of its split, and of its set and split.

    `pixels`: of a square kilometre, for what its map takes.
    """
    tested = []
    for row in rows:
        split = [other for other in rows if other.split == row.split]
        best = max(split, key=lambda other: other.overall)
        of_set = max(
            (other for other in split if other.layers == row.layers),
            key=lambda other: other.overall,
        )
        tested.append(
            {
                **row.to_dict(),
                "core_seconds_km2": row.core_seconds(pixels),
                "best": row is best,
                "against_best": None if row is best else against(row, best),
                "best_of_set": row is of_set,
                "against_best_of_set": None if row is of_set else against(row, of_set),
            }
        )
    return tested


def _table_3_model(bench: Bench, options: Options) -> str:
    own = bench.survey.model.kind
    return own if own in options.models else options.models[0]


def _table_4(
    choices: Sequence[LayerChoice],
    documents: Mapping[str, Document],
    groups: Groups,
    bench: Bench,
    chosen_set: str,
) -> Json | None:
    """Count chosen layers by group and season: mean over the folds and seeds of the blocks."""
    made = [c for c in choices if c.method == chosen_set and c.fold.split == "block"]
    if not made:
        return None
    chosen = [documents[choice.name]["layers"] for choice in made]
    cells: dict[str, dict[str, Json]] = {}
    for name in bench.samples.layers:
        season, group = groups[name]
        row = cells.setdefault(group, {})
        cell = row.setdefault(season or STATIC, {"available": 0, "chosen": 0.0})
        cell["available"] += 1
        cell["chosen"] += float(np.mean([name in layers for layers in chosen]))
    return {
        "layers": chosen_set,
        "choices": len(made),
        "cells": cells,
        "always": sorted(set(chosen[0]).intersection(*chosen[1:]), key=chosen[0].index),
    }


def _curves(choices: Sequence[LayerChoice], documents: Mapping[str, Document]) -> Json:
    """Accuracy along each ranking, on the first fold of the blocks of the first seed."""
    made = [c for c in choices if c.curve and c.fold == choices[0].fold]
    return {
        choice.method: {
            "points": documents[choice.name]["curve"],
            "kept": len(documents[choice.name]["layers"]),
        }
        for choice in made
        if choice.method in RANKED
    }


def _ablation(rows: Sequence[Row], known: Sequence[str], kind: str) -> Json:
    """Compare all layers with all but those of one source or season, under blocks."""
    mine = {row.layers: row for row in rows if row.model == kind and row.split == "block"}
    whole = mine["all"]
    return {
        "model": kind,
        "overall_accuracy": whole.to_dict()["overall_accuracy"],
        "layer_count": len(whole.documents[0]["layers"]),
        "without": [
            {
                "kind": name.split("-", 2)[1],
                "left_out": name.split("-", 2)[2],
                "overall_accuracy": mine[name].to_dict()["overall_accuracy"],
                "layer_count": len(mine[name].documents[0]["layers"]),
                "against_all": against(mine[name], whole),
            }
            for name in known
        ],
    }
