"""The paper's claim held against the survey: is ResNet50 ahead, by how much, and where not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minecover.comparison.plan import MODELS
from minecover.comparison.summary import Row, against

__all__ = ["PAPER_LEAD", "claim"]

PAPER_LEAD = 0.0128
"""ResNet50 at 95.36 % against the random forest at 94.08 % (Liu et al. 2025), a share."""

SURE = 0.05
"""p-value below which a difference is called more than chance."""


def claim(rows: Sequence[Row]) -> dict[str, Any]:
    """Say whether ResNet50 leads under spatial blocks by what it leads in the paper.

    Parameters
    ----------
    rows
        All models on one set of layers.

    Returns
    -------
    `statement`, and where both were compared: `lead` (mean, deviation and seeds of the difference
    to the best classical model, as shares), `classical`, `paper`, `reached`, `p_value`.
    """
    blocked = {row.model: row for row in rows if row.split == "block"}
    network = blocked.pop("resnet50", None)
    if network is None or not blocked:
        missing = "ResNet50" if network is None else "No classical model"
        return {
            "statement": f"{missing} was {'not ' if network is None else ''}part of this "
            f"comparison, so it says nothing on the paper's lead of {100 * PAPER_LEAD:.2f} points.",
            "lead": None,
        }
    classical = max(blocked.values(), key=lambda row: row.overall)
    test = against(network, classical)
    lead = test["difference"]
    reached = lead["mean"] >= PAPER_LEAD
    return {
        "statement": _statement(network, classical, test, reached=reached),
        "lead": lead,
        "classical": classical.model,
        "paper": PAPER_LEAD,
        "reached": reached,
        "p_value": test["p_value"],
    }


def _statement(network: Row, classical: Row, test: dict[str, Any], *, reached: bool) -> str:
    lead, seeds = test["difference"]["mean"], len(network.seeds)
    paper = f"{100 * PAPER_LEAD:.2f}"
    where = (
        f"the best classical model, {MODELS[classical.model]}, by {100 * abs(lead):.2f} points of "
        f"overall accuracy under spatial blocks ({_over(seeds)})"
    )
    if reached:
        return f"ResNet50 is ahead of {where}: at least the {paper} points of the paper."
    place = "ahead of" if lead > 0 else "behind" if lead < 0 else "level with"
    return (
        f"ResNet50 is {place} {where}: not the {paper} points that it leads in the paper. "
        f"{_why(network, classical, test)}"
    )


def _over(seeds: int) -> str:
    return f"mean of {seeds} seeds" if seeds > 1 else "one seed"


def _why(network: Row, classical: Row, test: dict[str, Any]) -> str:
    """Say what the trials show: whether it is chance, and the class where most is lost."""
    p_value = test["p_value"]
    chance = (
        f"McNemar's test cannot tell the two apart (p = {p_value:.2f})"
        if p_value >= SURE
        else f"the difference is more than chance (McNemar's p = {p_value:.2g})"
    )
    learnt = round(sum(d["learnt"] for d in network.documents) / len(network.documents))
    gaps = class_gaps(network, classical)
    name, gap = min(gaps.items(), key=lambda item: item[1], default=("", 0.0))
    worst = (
        f"the network loses most in {name.replace('_', ' ')}, where its F1 is "
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
