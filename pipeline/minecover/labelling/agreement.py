"""How far labellers agree at the points that two of them labelled, and where they differ."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from minecover.accuracy.estimates import estimates
from minecover.storage.canonical_json import Json

__all__ = ["agreement", "disagreements"]

Labels = Mapping[str, Mapping[str, str]]
"""Labeller to question to class."""


def agreement(labels: Labels, codes: Mapping[str, int]) -> list[dict[str, Json]]:
    """Compare every two labellers at what both labelled.

    Parameters
    ----------
    labels
        Of each labeller.
    codes
        Class name to code.

    Returns
    -------
    Of each pair `labellers`, `both` (how many both labelled), `agreed`, `overall` (share of these;
    None: there are none), `kappa` (Cohen 1960; None where chance alone would agree fully) and
    `matrix`, rows the first labeller's classes, columns the second's.
    """
    found: list[dict[str, Json]] = []
    for first, second in combinations(sorted(labels), 2):
        both = [question for question in labels[first] if question in labels[second]]
        one, other = (
            np.array([codes[labels[name][question]] for question in both], dtype=np.int64)
            for name in (first, second)
        )
        result = estimates(one, other, codes)
        found.append(
            {
                "labellers": [first, second],
                "both": len(both),
                "agreed": int(np.trace(result.matrix)),
                "overall": result.overall_accuracy,
                "kappa": result.kappa,
                "matrix": result.matrix.tolist(),
            }
        )
    return found


def disagreements(labels: Labels) -> dict[str, dict[str, str]]:
    """Give the questions that labellers answered differently, with what each said."""
    said: dict[str, dict[str, str]] = {}
    for name in sorted(labels):
        for question, label in labels[name].items():
            said.setdefault(question, {})[name] = label
    return {question: answers for question, answers in said.items() if len({*answers.values()}) > 1}
