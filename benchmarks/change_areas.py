"""How often 95 % intervals of areas of change hold the truth, and what combining periods brings.

`python -m benchmarks.change_areas [DESIGNS]` simulates histories (`benchmarks.history`), draws that
many designs of each (400), labels their points by the truth, estimates, counts the intervals that
hold the area that is true, and writes ``benchmarks/CHANGE.md``. Methods were compared on seeds 21
to 24; those here were read with the one that was taken.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.change_designs import Population
from benchmarks.history import MINE, RESTORED, History
from minecover.area_estimation.stratified import Estimate

RESULTS = Path(__file__).parent / "CHANGE.md"
DESIGNS, RATIO_DESIGNS, SEEDS = 400, 100, (11, 12, 13)
INTRODUCTION = """\
# Areas of change, and periods that are combined

Written by `python -m benchmarks.change_areas`: simulated histories of four years
(`benchmarks/history.py`), no real place. First the maps, then 95 % intervals of {designs} designs
of each district, drawn from the combined map of the first and the last year (standard error 0.01,
50 points of a stratum at least) and labelled by the truth; last, of the area of each class in the
last year, by designs of that year's map (standard error 0.01, 50 points of a class at least), and
user's and producer's accuracies by the first {ratio_designs} designs of either.
"""

LEGEND = """
- *Points*: as many points of equal weight would leave the estimate as uncertain and as skewed,
  (Σ w² e)³ / (Σ w³ e)², with e the points of a stratum that are expected to be of the area, or not
  to be of it, whichever are fewer, and w the pixels that each stands for. Heavy points decide: of
  78 points that stand for 18 pixels each and one that stands for 330 it is 1. Of a balance the side
  that has fewer.
- *Below*, *above*: intervals that end below the truth, and that begin above it. *1.96 errors*:
  intervals of 1.96 standard errors on either side that hold the truth. *Width*, *bias*: means, by
  the area.
- Of {few} areas with fewer than {enough} points, intervals hold the truth in {least_few:.1f} to
  {most_few:.1f} % of the designs; of {many} with more, in {least_many:.1f} to {most_many:.1f} %.
  Twice the standard error of such a share is {chance:.1f} %.
"""

ENOUGH = 5


@dataclass
class Coverage:
    """How often an interval held the truth, and how wide it was.

    Attributes
    ----------
    truth, points
        Hectares, and the points that decide (`Population.points`); of a ratio it, and none.
    below, above, papers, designs
        Intervals that end below it and that begin above it, those that would hold it as 1.96
        standard errors, and all of them.
    width, error
        Sums of their widths and of what the estimates are off.
    """

    truth: float
    points: float
    below: int = 0
    above: int = 0
    papers: int = 0
    designs: int = 0
    width: float = 0.0
    error: float = 0.0

    @property
    def share(self) -> float:
        """Of the intervals that hold the truth."""
        return 1 - (self.below + self.above) / self.designs

    def count(self, estimate: Estimate) -> None:
        """Take one design into account."""
        self.designs += 1
        self.below += estimate.high < self.truth - 1e-6
        self.above += estimate.low > self.truth + 1e-6
        self.papers += abs(estimate.value - self.truth) <= 1.96 * estimate.standard_error
        self.width += estimate.high - estimate.low
        self.error += estimate.value - self.truth


def coverage(population: Population, designs: int) -> dict[str, Coverage]:
    """Draw so many designs of a population; by what is estimated."""
    found = {
        name: Coverage(asked.truth, population.points(asked))
        for name, asked in population.questions.items()
    }
    found |= {name: Coverage(asked.truth, 0.0) for name, asked in population.ratios.items()}
    for seed in range(designs):
        for name, estimate in population.estimates(seed, seed < RATIO_DESIGNS).items():
            if estimate is not None:
                found[name].count(estimate)
    return found


def readings_table(history: History) -> list[str]:
    """Lay out what the maps are like with and without the combination."""
    truth, changed = history.truth, []
    still = (truth == truth[0]).all(axis=0)
    for name, maps in (("each period by itself", history.single), ("combined", history.combined)):
        right = (maps == truth).mean()
        false = np.mean([(a != b)[still].mean() for a, b in pairwise(maps)])
        scores = [f"{f1(truth, maps, place):.3f}" for place in (MINE, RESTORED)]
        changed.append(f"| {name} | {right:.4f} | {100 * false:.2f} % | {' | '.join(scores)} |")
    return [
        "| maps | overall accuracy | false change from year to year | F1 mined | F1 restored |",
        "| --- | --- | --- | --- | --- |",
        *changed,
    ]


def f1(truth: npt.NDArray[np.int64], maps: npt.NDArray[np.int64], place: int) -> float:
    """Harmonic mean of user's and producer's accuracy of what became a class."""
    true, mapped = ((m[1:] == place) & (m[:-1] != place) for m in (truth, maps))
    return float(2 * (true & mapped).sum() / (true.sum() + mapped.sum()))


def coverage_table(seed: int, found: Mapping[str, Coverage]) -> list[str]:
    """Lay out how often intervals held the truth."""
    return [
        f"| {seed} | {name} | {item.truth:,.0f} | {item.points:.1f} | {100 * item.share:.1f} % "
        f"| {100 * item.below / item.designs:.1f} % | {100 * item.above / item.designs:.1f} % "
        f"| {100 * item.papers / item.designs:.1f} % "
        f"| {item.width / item.designs / abs(item.truth):.2f} "
        f"| {100 * item.error / item.designs / abs(item.truth):+.1f} % |"
        for name, item in found.items()
    ]


def ratio_table(seed: int, found: Mapping[str, Coverage]) -> list[str]:
    """Lay out how often intervals of accuracies held the truth."""
    return [
        f"| {seed} | {name} | {100 * item.truth:.1f} % | {100 * item.share:.1f} % "
        f"| {100 * item.below / item.designs:.1f} % | {100 * item.above / item.designs:.1f} % "
        f"| {100 * item.papers / item.designs:.1f} % | {100 * item.width / item.designs:.1f} % |"
        for name, item in found.items()
    ]


def legend(found: list[Coverage]) -> str:
    """Say what the columns are, and how often intervals hold the truth by their points."""
    few, many = (
        [100 * item.share for item in found if (item.points >= ENOUGH) == side]
        for side in (False, True)
    )
    designs = found[0].designs
    return LEGEND.format(
        few=len(few), many=len(many), enough=ENOUGH, designs=designs,
        least_few=min(few), most_few=max(few), least_many=min(many), most_many=max(many),
        chance=200 * np.sqrt(0.95 * 0.05 / designs),
    )  # fmt: skip


KINDS = ("of_change", "of_map")
COLUMNS = ("district", "area", "hectares", "points", "hold the truth", "below", "above",
           "1.96 errors", "width", "bias")  # fmt: skip
RATIO_COLUMNS = ("district", "accuracy", "true", "hold the truth", "below", "above",
                 "1.96 errors", "width")  # fmt: skip


def head(columns: tuple[str, ...]) -> list[str]:
    """Lay out the first lines of a table."""
    return ["| " + " | ".join(columns) + " |", "| --- " * len(columns) + "|"]


Measured = tuple[dict[str, Coverage], dict[str, Coverage]]
"""Of areas and of accuracies."""


def measure(seed: int, designs: int) -> tuple[list[str], int, dict[str, Measured]]:
    """Give the table of a district's maps, points of a design of change, and coverage by kind."""
    history, by_kind = History(seed), dict[str, Measured]()
    populations = [getattr(Population, kind)(history) for kind in KINDS]
    for kind, population in zip(KINDS, populations, strict=True):
        found = coverage(population, designs)
        areas, accuracies = (
            {name: found[name] for name in asked}
            for asked in (population.questions, population.ratios)
        )
        by_kind[kind] = areas, accuracies
        print(*coverage_table(seed, areas), *ratio_table(seed, accuracies), sep="\n", flush=True)
    return readings_table(history), sum(populations[0].allocation.values()), by_kind


def main() -> None:
    """Measure and write the results beside this file."""
    designs = int(sys.argv[1]) if len(sys.argv) > 1 else DESIGNS
    maps, points, ratios, found = [], [], list[str](), list[Coverage]()
    lines = {kind: list[str]() for kind in KINDS}
    with ProcessPoolExecutor(len(SEEDS)) as processes:
        measured = list(processes.map(measure, SEEDS, [designs] * len(SEEDS)))
    for seed, (readings, size, by_kind) in zip(SEEDS, measured, strict=True):
        maps += [f"District {seed}:", "", *readings, ""]
        points.append(f"{size:,}")
        for kind, (areas, accuracies) in by_kind.items():
            lines[kind] += coverage_table(seed, areas)
            ratios += ratio_table(seed, accuracies)
            found += list(areas.values())
    parts = [
        INTRODUCTION.format(designs=designs, ratio_designs=RATIO_DESIGNS), *maps,
        f"Designs of change have {', '.join(points)} points.", "",
        *head(COLUMNS), *lines["of_change"], "", "Of the last year's map:", "", *head(COLUMNS),
        *lines["of_map"], "", "Accuracies:", "", *head(RATIO_COLUMNS), *ratios, legend(found),
    ]  # fmt: skip
    RESULTS.write_text("\n".join(parts))


if __name__ == "__main__":
    main()
