"""The paper's claim compared with the survey: is its best model ahead, by how much, where not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minecover.comparison.summary import Row, against
from minecover.models.registry import MODELS

__all__ = ["claim", "published_accuracies"]

SURE = 0.05
"""p-value below which a difference is called more than chance."""


def claim(rows: Sequence[Row]) -> dict[str, Any]:
    """Say whether the paper's best model leads under spatial blocks by what it leads there.

    Parameters
    ----------
    rows
        All models on one set of layers; those that the paper does not compare play no part.

    Returns
    -------
    `statement`, and where both were compared: `lead` (mean, deviation and seeds of the difference
    to the best of its other models, as shares), `model` and `classical` (the two), `paper` (the
    lead there), `reached`, `p_value`.
    """
    published = published_accuracies()
    leader, second = list(published)[:2]
    paper = round(published[leader] - published[second], 4)
    blocked = {row.model: row for row in rows if row.split == "block" and row.model in published}
    first = blocked.pop(leader, None)
    if first is None or not blocked:
        missing = MODELS[leader].label if first is None else "No classical model"
        return {
            "statement": f"{missing} was {'not ' if first is None else ''}part of this "
            f"comparison, so it says nothing on the paper's lead of {100 * paper:.2f} points.",
            "lead": None,
        }
    classical = max(blocked.values(), key=lambda row: row.overall)
    test = against(first, classical)
    lead = test["difference"]
    return {
        "statement": _statement(first, classical, test, paper),
        "lead": lead,
        "model": first.model,
        "classical": classical.model,
        "paper": paper,
        "reached": lead["mean"] >= paper,
        "p_value": test["p_value"],
    }


def published_accuracies() -> dict[str, float]:
    """Overall accuracy in the paper of each kind of model that it compares, best first."""
    known = {kind.name: kind.published_accuracy for kind in MODELS}
    found = {name: share for name, share in known.items() if share is not None}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _statement(first: Row, classical: Row, test: dict[str, Any], paper: float) -> str:
    lead, seeds = test["difference"]["mean"], len(first.seeds)
    label, wanted = MODELS[first.model].label, f"{100 * paper:.2f}"
    where = (
        f"the best classical model, {MODELS[classical.model].label}, by {100 * abs(lead):.2f} "
        f"points of overall accuracy under spatial blocks ({_over(seeds)})"
    )
    if lead >= paper:
        return f"{label} is ahead of {where}: at least the {wanted} points of the paper."
    place = "ahead of" if lead > 0 else "behind" if lead < 0 else "level with"
    return (
        f"{label} is {place} {where}: not the {wanted} points that it leads in the paper. "
        f"{_why(first, classical, test)}"
    )


def _over(seeds: int) -> str:
    return f"mean of {seeds} seeds" if seeds > 1 else "one seed"


def _why(first: Row, classical: Row, test: dict[str, Any]) -> str:
    """Say what the trials show: whether it is chance, and the class where most is lost."""
    p_value = test["p_value"]
    chance = (
        f"McNemar's test finds no difference between the two (p = {p_value:.2f})"
        if p_value >= SURE
        else f"the difference is more than chance (McNemar's p = {p_value:.2g})"
    )
    learnt = round(sum(d["learnt"] for d in first.documents) / len(first.documents))
    gaps = class_gaps(first, classical)
    name, gap = min(gaps.items(), key=lambda item: item[1], default=("", 0.0))
    worst = (
        f"{MODELS[first.model].label} loses most in {name.replace('_', ' ')}, where its F1 is "
        f"{100 * -gap:.1f} points lower"
        if gap < 0
        else "it is behind in no single class"
    )
    return f"There were {learnt} points to learn from; {chance}, and {worst}."


def class_gaps(first: Row, second: Row) -> dict[str, float]:
    """Difference of the mean F1 of each class that both have one for in every seed."""
    one, other = first.to_dict()["classes"], second.to_dict()["classes"]
    return {
        name: one[name]["f1"]["mean"] - other[name]["f1"]["mean"]
        for name in one
        if one[name]["f1"] is not None and other[name]["f1"] is not None
    }
