"""How often 95 % intervals of areas of change hold the truth, and what combining periods brings.

`python -m benchmarks.change_areas [DESIGNS]` simulates histories (`benchmarks.history`), draws that
many designs of each (400), labels their points by the truth, estimates, counts the intervals that
hold the area that is true, and writes ``benchmarks/CHANGE.md``. Methods were compared on seeds 21
to 24; those here were read with the one that was taken.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.history import CLASSES, MINE, RESTORED, History, class_codes
from minecover.area_estimation.design import allocate, count_pixels, draw, sample_size
from minecover.area_estimation.strata import change_strata, expected_of_strata
from minecover.area_estimation.stratified import Estimate, Strata
from minecover.geography.grid import Window

RESULTS = Path(__file__).parent / "CHANGE.md"
DESIGNS, SEEDS = 400, (11, 12, 13)
LEAST = 100
"""Pixels of a transition that is shown, at least."""

INTRODUCTION = """\
# Areas of change, and periods that are combined

Written by `python -m benchmarks.change_areas`: simulated histories of four years
(`benchmarks/history.py`), no real place. First the maps, then 95 % intervals of {designs} designs
of each district, drawn from the combined map of the first and the last year (standard error 0.01,
75 points of a stratum at least) and labelled by the truth; last, of the area of each class in the
last year, by designs of that year's map (standard error 0.01, 50 points of a class at least).
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
NAMES = list(CLASSES)

Places = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Where = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Question:
    """An area, or the balance of two.

    Attributes
    ----------
    more, less
        (y, x) where the pixels are that count, and those that count against them.
    """

    more: Where
    less: Where | None = None

    @property
    def truth(self) -> float:
        """Area in pixels, which are hectares."""
        return float(self.more.sum()) - (0.0 if self.less is None else float(self.less.sum()))

    def estimate(self, sampled: Strata, at: tuple[Places, Places]) -> Estimate:
        """Estimate it from the points of a design."""
        more = self.more[at].astype(np.float64)
        if self.less is None:
            return sampled.share(more).times(sampled.total)
        return sampled.difference(more, self.less[at].astype(np.float64)).times(sampled.total)


@dataclass(frozen=True)
class Population:
    """What designs are drawn from, and what is asked of them.

    Attributes
    ----------
    strata
        (y, x) codes.
    allocation
        Points of each stratum.
    questions
        By what they are called.
    """

    strata: Codes
    allocation: Mapping[int, int]
    questions: Mapping[str, Question]

    @classmethod
    def of_change(
        cls, history: History, standard_error: float = 0.01, minimum: int = 75
    ) -> Population:
        """Compare the first period with the last, as a survey's design of both does."""
        single, combined = (
            class_codes(maps[[0, -1]]) for maps in (history.single, history.combined)
        )
        strata = change_strata(*combined, single[0] != single[1], CLASSES)
        pixels = count_pixels(_tiles(strata))
        expected = expected_of_strata(CLASSES, dict.fromkeys(CLASSES.values(), 0.95))
        size, total = sample_size(pixels, expected, standard_error), sum(pixels.values())
        points = {c: min(n, max(minimum, round(size * n / total))) for c, n in pixels.items()}
        return cls(strata, points, questions_of_change(history))

    @classmethod
    def of_map(
        cls, history: History, standard_error: float = 0.01, minimum: int = 50
    ) -> Population:
        """Take the last period's map alone."""
        strata = class_codes(history.combined[-1]).astype(np.int32)
        pixels = count_pixels(_tiles(strata))
        size = sample_size(pixels, dict.fromkeys(pixels, 0.95), 0.01)
        asked = {name: Question(history.truth[-1] == place) for place, name in enumerate(NAMES)}
        return cls(strata, allocate(pixels, size), asked)

    def estimates(self, seed: int) -> dict[str, Estimate]:
        """Draw a design, label it by the truth, and estimate."""
        width = self.strata.shape[1]
        design = draw(_tiles(self.strata), self.allocation, width=width, seed=seed)
        at = design.frame["row"].to_numpy(), design.frame["col"].to_numpy()
        pixels = {str(code): count for code, count in design.pixels.items()}
        sampled = Strata.of(design.frame["code"].astype(str).tolist(), pixels)
        return {name: asked.estimate(sampled, at) for name, asked in self.questions.items()}

    def points(self, asked: Question) -> float:
        """How many points of equal weight would leave it as uncertain and as skewed.

        Of a balance the side that has fewer counts.
        """
        sides = [asked.more] if asked.less is None else [asked.more, asked.less]
        return min(self._points(side) for side in sides)

    def _points(self, there: Where) -> float:
        codes = [code for code, n in self.allocation.items() if n < self._sizes[code]]
        drawn = np.array([self.allocation[code] for code in codes])
        weight = np.array([self._sizes[code] for code in codes]) / drawn
        share = np.array([there[self.strata == code].mean() for code in codes])
        fewer = drawn * np.minimum(share, 1 - share)
        return float((weight**2 @ fewer) ** 3 / max((weight**3 @ fewer) ** 2, 1e-300))

    @cached_property
    def _sizes(self) -> dict[int, int]:
        return count_pixels(_tiles(self.strata))


def _tiles(strata: Codes) -> Iterator[tuple[Window, Codes]]:
    height, width = strata.shape
    yield Window(0, height, 0, width), strata


def questions_of_change(history: History) -> dict[str, Question]:
    """Ask what mines and restored land gained and lost, and for transitions that are not rare."""
    first, last = history.truth[0], history.truth[-1]
    asked = {}
    for place in (MINE, RESTORED):
        gained, lost = (last == place) & (first != place), (first == place) & (last != place)
        asked[f"gained {NAMES[place]}"] = Question(gained)
        asked[f"lost {NAMES[place]}"] = Question(lost)
        asked[f"net {NAMES[place]}"] = Question(gained, lost)
    for one, before in enumerate(NAMES):
        for other, after in enumerate(NAMES):
            asked[f"{before} -> {after}"] = Question((first == one) & (last == other))
    return {name: item for name, item in asked.items() if abs(item.truth) >= LEAST}


@dataclass
class Coverage:
    """How often an interval held the truth, and how wide it was.

    Attributes
    ----------
    truth, points
        Hectares, and the points that decide (`Population.points`).
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
    for seed in range(designs):
        for name, estimate in population.estimates(seed).items():
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


def f1(truth: Places, maps: Places, place: int) -> float:
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


def main() -> None:
    """Measure and write the results beside this file."""
    designs = int(sys.argv[1]) if len(sys.argv) > 1 else DESIGNS
    maps, lines, found = [], {"of_change": list[str](), "of_map": list[str]()}, []
    for seed in SEEDS:
        history = History(seed)
        maps += [f"District {seed}:", "", *readings_table(history), ""]
        for kind in lines:
            one = coverage(getattr(Population, kind)(history), designs)
            lines[kind] += coverage_table(seed, one)
            found += list(one.values())
            print(*coverage_table(seed, one), sep="\n", flush=True)
    columns = (
        "district", "area", "hectares", "points", "hold the truth", "below", "above", "1.96 errors",
        "width", "bias",
    )  # fmt: skip
    head = ["| " + " | ".join(columns) + " |", "| --- " * len(columns) + "|"]
    parts = [
        INTRODUCTION.format(designs=designs), *maps, *head, *lines["of_change"], "",
        "Of the last year's map:", "", *head, *lines["of_map"], legend(found),
    ]  # fmt: skip
    RESULTS.write_text("\n".join(parts))


if __name__ == "__main__":
    main()
