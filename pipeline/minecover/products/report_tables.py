"""Tables of the report: plain values ready to be laid out, computed from the run's documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from minecover.accuracy.scores import wilson

__all__ = [
    "STATIC",
    "ClassAccuracy",
    "GroupTable",
    "MatrixRow",
    "RankedLayer",
    "Split",
    "group_table",
    "matrix_rows",
    "ranked_layers",
    "splits",
]

Json = Any

Interval = Mapping[str, Any] | None
"""`low`, `high` and `method` of a 95 % interval."""

Intervals = Mapping[str, Interval]
"""By measure."""

CONFUSIONS = 20
"""Of those that are listed."""

STATIC = "all year"
"""Column of the features that have no season."""

SPLIT_TITLES = {
    "spatial_blocks": ("Spatial blocks", "tested in blocks without training samples"),
    "random": ("Random split", "comparable with published figures"),
    "areas": ("Whole areas left out", "tested in areas without training samples"),
    "as_it_came": ("Without adaptation", "the carried model as it was trained elsewhere"),
}
"""Known splits in the order of the report, with what they mean."""


@dataclass(frozen=True)
class Cell:
    """Count of samples, its share of the row (0-1) that shades it, and its column from 0."""

    count: int
    share: float
    diagonal: bool
    column: int


@dataclass(frozen=True)
class MatrixRow:
    """One reference class of a confusion matrix."""

    name: str
    cells: tuple[Cell, ...]
    total: int


@dataclass(frozen=True)
class Confusion:
    """Samples of one class that the map has as another."""

    count: int
    reference: str
    mapped: str


@dataclass(frozen=True)
class ClassAccuracy:
    """Accuracy of one class, None where it is not defined, and the intervals of each measure."""

    name: str
    producers: float | None
    users: float | None
    f1: float | None
    reference: int | None
    mapped: int | None
    intervals: Intervals


@dataclass(frozen=True)
class Split:
    """One way of dividing the samples, and what it measured."""

    key: str
    title: str
    meaning: str
    overall: float | None
    intervals: Intervals
    kappa: float | None
    macro_f1: float | None
    samples: int | None
    names: tuple[str, ...]
    matrix: tuple[MatrixRow, ...]
    totals: tuple[int, ...]
    classes: tuple[ClassAccuracy, ...]
    confusions: tuple[Confusion, ...]
    reliability: tuple[tuple[float, float, int, Interval], ...]
    calibration_error: float | None


@dataclass(frozen=True)
class RankedLayer:
    """A layer by its combined rank; scores are shares of the best score, 0-1."""

    rank: int
    name: str
    group: str
    chosen: bool
    relieff: float | None
    forest: float | None


@dataclass(frozen=True)
class GroupTable:
    """Layers chosen of those there are, by group (rows) and season (columns).

    A cell is (chosen, available), or None where the survey has no such layer.
    """

    seasons: tuple[str, ...]
    rows: tuple[tuple[str, tuple[tuple[int, int] | None, ...]], ...]


def splits(accuracy: Mapping[str, Json] | None, names: Sequence[str]) -> list[Split]:
    """List the splits that an accuracy document measured, spatial blocks first."""
    if accuracy is None:
        return []
    known: Mapping[str, Json] = accuracy.get("splits") or {}
    order = [*SPLIT_TITLES, *(key for key in known if key not in SPLIT_TITLES)]
    return [_split(key, known[key], names) for key in order if known.get(key) is not None]


def _split(key: str, estimate: Mapping[str, Json], names: Sequence[str]) -> Split:
    title, meaning = SPLIT_TITLES.get(key, (key.replace("_", " "), ""))
    matrix = estimate.get("matrix") or []
    intervals = estimate.get("intervals") or {}
    by_class = intervals.get("classes", {})
    classes: Mapping[str, Json] = estimate.get("classes") or {}
    bins: Mapping[str, Json] = estimate.get("reliability") or {}
    columns = (bins.get(name, ()) for name in ("confidence", "accuracy", "points"))
    return Split(
        key=key,
        title=title,
        meaning=meaning,
        overall=estimate.get("overall_accuracy"),
        intervals=_known(intervals, "overall_accuracy", "kappa", "macro_f1"),
        kappa=estimate.get("kappa"),
        macro_f1=estimate.get("macro_f1"),
        samples=estimate.get("samples"),
        names=tuple(names),
        matrix=matrix_rows(names, matrix),
        totals=tuple(sum(column) for column in zip(*matrix, strict=True)),
        classes=tuple(
            _class_accuracy(name, classes[name], by_class.get(name, {}))
            for name in names
            if name in classes
        ),
        confusions=_confusions(names, matrix),
        reliability=tuple(_bin(*row) for row in zip(*columns, strict=True)),
        calibration_error=bins.get("expected_calibration_error"),
    )


def matrix_rows(names: Sequence[str], matrix: Sequence[Sequence[int]]) -> tuple[MatrixRow, ...]:
    """Lay out a confusion matrix (rows reference, columns map); empty where there is none."""
    return tuple(
        _matrix_row(name, row, index)
        for index, (name, row) in enumerate(zip(names, matrix, strict=bool(matrix)))
    )


def _matrix_row(name: str, row: Sequence[int], index: int) -> MatrixRow:
    total = sum(row)
    cells = (Cell(n, n / total if total else 0.0, i == index, i) for i, n in enumerate(row))
    return MatrixRow(name, tuple(cells), total)


def _confusions(names: Sequence[str], matrix: Sequence[Sequence[int]]) -> tuple[Confusion, ...]:
    """List the most frequent ones, most frequent first."""
    found = (
        Confusion(count, names[i], names[j])
        for i, row in enumerate(matrix)
        for j, count in enumerate(row)
        if count and i != j
    )
    return tuple(sorted(found, key=lambda one: -one.count)[:CONFUSIONS])


def _bin(confidence: float, accuracy: float, points: int) -> tuple[float, float, int, Interval]:
    """Give a bin of the calibration with the interval of the share that is correct."""
    low, high = wilson(accuracy, points)
    return confidence, accuracy, points, {"low": low, "high": high, "method": "points"}


def _known(intervals: Mapping[str, Json], *measures: str) -> Intervals:
    return {measure: intervals.get(measure) for measure in measures}


def _class_accuracy(
    name: str, item: Mapping[str, Json], intervals: Mapping[str, Json]
) -> ClassAccuracy:
    return ClassAccuracy(
        name,
        item.get("producers_accuracy"),
        item.get("users_accuracy"),
        item.get("f1"),
        item.get("reference"),
        item.get("mapped"),
        _known(intervals, "producers_accuracy", "users_accuracy", "f1"),
    )


Groups = Mapping[str, tuple[str | None, str]]


def ranked_layers(selection: Mapping[str, Json] | None, groups: Groups) -> list[RankedLayer]:
    """List the layers by rank, best first; empty where nothing was ranked."""
    if selection is None or not selection.get("ranks"):
        return []
    chosen = set(selection.get("chosen") or [])
    scores: Mapping[str, Json] = selection.get("scores") or {}
    relieff, forest = (_shares(scores.get(kind)) for kind in ("relieff", "forest"))
    ordered = sorted(selection["ranks"].items(), key=lambda item: (item[1], item[0]))
    return [
        RankedLayer(
            rank, name, _group(name, groups), name in chosen, relieff.get(name), forest.get(name)
        )
        for name, rank in ordered
    ]


def group_table(
    selection: Mapping[str, Json] | None, groups: Groups, seasons: Sequence[str]
) -> GroupTable | None:
    """Count the layers chosen by season and group, as in Table 4 of the paper (Liu et al. 2025)."""
    if selection is None or not groups:
        return None
    names = selection.get("names") or list(groups)
    chosen = set(selection.get("chosen") or [])
    counts: dict[str, dict[str, tuple[int, int]]] = {}
    for name in names:
        season, group = groups.get(name, (None, "other"))
        row = counts.setdefault(group, {})
        taken, there = row.get(season or STATIC, (0, 0))
        row[season or STATIC] = (taken + (name in chosen), there + 1)
    columns = [*seasons, STATIC] if any(STATIC in row for row in counts.values()) else [*seasons]
    rows = ((group, tuple(row.get(column) for column in columns)) for group, row in counts.items())
    return GroupTable(tuple(columns), tuple(rows))


def _group(name: str, groups: Groups) -> str:
    return groups[name][1] if name in groups else "other"


def _shares(scores: Mapping[str, float] | None) -> dict[str, float]:
    """Scores as shares of the best; negative ones (Relief-F's irrelevant layers) become 0."""
    if not scores:
        return {}
    best = max(scores.values())
    return {name: max(0.0, value / best) if best > 0 else 0.0 for name, value in scores.items()}
