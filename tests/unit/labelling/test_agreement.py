"""Agreement of labellers, against numbers that were worked out by hand."""

from __future__ import annotations

import pytest

from minecover.labelling.agreement import agreement, disagreements

CODES = {"water": 3, "mine": 7}


def labels(pairs: list[tuple[str, str, int]]) -> dict[str, dict[str, str]]:
    """Labels of two people: so many points, each with what both said."""
    said: dict[str, dict[str, str]] = {"ann": {}, "bo": {}}
    for first, second, count in pairs:
        for _ in range(count):
            key = str(len(said["ann"]))
            said["ann"][key], said["bo"][key] = first, second
    return said


def test_two_labellers() -> None:
    """20 and 15 of 50 alike: 0.7; by chance 0.5 * 0.6 + 0.5 * 0.4 = 0.5, so kappa is 0.4."""
    said = labels([("water", "water", 20), ("water", "mine", 5), ("mine", "water", 10),
                   ("mine", "mine", 15)])  # fmt: skip
    said["ann"]["alone"] = "mine"
    [found] = agreement(said, CODES)
    assert found["labellers"] == ["ann", "bo"]
    assert (found["both"], found["agreed"]) == (50, 35)
    assert found["overall"] == pytest.approx(0.7)
    assert found["kappa"] == pytest.approx(0.4)
    assert found["matrix"] == [[20, 5], [10, 15]]
    assert len(disagreements(said)) == 15
    assert disagreements(said)["20"] == {"ann": "water", "bo": "mine"}


def test_where_nothing_can_be_said() -> None:
    said = {**labels([("mine", "mine", 3)]), "cy": {}}
    both, *others = agreement(said, CODES)
    assert (both["overall"], both["kappa"]) == (1.0, None)
    assert [(one["both"], one["overall"]) for one in others] == [(0, None), (0, None)]
    assert agreement({"ann": {"1": "mine"}}, CODES) == []
