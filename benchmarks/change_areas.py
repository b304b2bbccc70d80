"""How often 95 % intervals of areas of change hold the truth, and what combining periods brings.

`python -m benchmarks.change_areas [DESIGNS]` simulates histories (`benchmarks.history`), draws that
many designs of each (400), labels their points by the truth, estimates, counts the intervals that
hold the area that is true, and writes ``benchmarks/CHANGE.md``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.history import CLASSES, MINE, RESTORED, History, class_codes
from minecover.area_estimation.change import LabelledPeriods, change_estimates
from minecover.area_estimation.design import count_pixels, draw, sample_size
from minecover.area_estimation.strata import change_strata, expected_of_strata, names_of_strata
from minecover.geography.grid import Window

RESULTS = Path(__file__).parent / "CHANGE.md"
DESIGNS, SEEDS = 400, (11, 12)
PIXEL_AREA = 10_000.0
"""Square metres: areas in hectares are pixels."""

INTRODUCTION = """\
# Areas of change, and periods that are combined

Written by `python -m benchmarks.change_areas`: simulated histories of four years
(`benchmarks/history.py`), no real place. First the maps, then 95 % intervals of {} designs of each
district, drawn from the combined map of the first and the last year (standard error 0.01, 75 points
of a stratum at least) and labelled by the truth.
"""

PERIODS = ("first", "last")
NAMES = list(CLASSES)

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Population:
    """A simulated history, seen as what a design is drawn from.

    Attributes
    ----------
    history
        Of which the first period and the last are compared.
    standard_error, minimum
        Of the design.
    """

    history: History
    standard_error: float = 0.01
    minimum: int = 75

    @cached_property
    def strata(self) -> npt.NDArray[np.int32]:
        """(y, x) codes, as a survey's design has them."""
        single, combined = (
            class_codes(maps[[0, -1]]) for maps in (self.history.single, self.history.combined)
        )
        return change_strata(*combined, single[0] != single[1], CLASSES)

    @cached_property
    def allocation(self) -> dict[int, int]:
        """Points of each stratum."""
        pixels = count_pixels(self._tiles())
        expected = expected_of_strata(CLASSES, dict.fromkeys(CLASSES.values(), 0.95))
        size = sample_size(pixels, expected, self.standard_error)
        total = sum(pixels.values())
        return {c: min(n, max(self.minimum, round(size * n / total))) for c, n in pixels.items()}

    def _tiles(self) -> Iterator[tuple[Window, npt.NDArray[np.int32]]]:
        height, width = self.strata.shape
        yield Window(0, height, 0, width), self.strata

    def estimate(self, seed: int) -> dict[str, dict[str, float]]:
        """Draw a design, label it by the truth, and estimate; by what it is called."""
        width = self.strata.shape[1]
        design = draw(self._tiles(), self.allocation, width=width, seed=seed)
        at = design.frame["row"].to_numpy(), design.frame["col"].to_numpy()
        labels = np.array(NAMES, dtype=object)
        mapped, true = (
            {
                period: labels[maps[place][at]].tolist()
                for period, place in zip(PERIODS, (0, -1), strict=True)
            }
            for maps in (self.history.combined, self.history.truth)
        )
        names = names_of_strata(CLASSES)
        points = LabelledPeriods(
            strata=design.frame["code"].map(names).tolist(),
            mapped=mapped,
            reference=true,
            pixels={names[code]: count for code, count in design.pixels.items()},
            pixel_area=PIXEL_AREA,
        )
        pair = change_estimates(points, NAMES)["pairs"][0]
        shown = ("mine", "restored")
        found = {
            f"{kind} {name}": pair[f"{kind}_ha"][name]
            for kind in ("gained", "lost", "net")
            for name in shown
        }
        areas = pair["transitions"]["area_ha"]
        return found | {name: areas[name] for name in areas if self.true_area(name) >= 100}

    def true_area(self, name: str) -> float:
        """Area in pixels of what an estimate is called by."""
        first, last = self.history.truth[0], self.history.truth[-1]
        if "->" in name:
            before, after = (NAMES.index(part) for part in name.split(" -> "))
            return float(((first == before) & (last == after)).sum())
        kind, place = name.split()[0], NAMES.index(name.split()[1])
        gained = float(((first != place) & (last == place)).sum())
        lost = float(((first == place) & (last != place)).sum())
        return {"gained": gained, "lost": lost, "net": gained - lost}[kind]


@dataclass
class Coverage:
    """How often an interval held the truth, and how wide it was.

    Attributes
    ----------
    truth
        Hectares.
    held, papers, designs
        Intervals that hold it, those that would as 1.96 standard errors, and all of them.
    width, error
        Sums of their widths and of what the estimates are off.
    """

    truth: float
    held: int = 0
    papers: int = 0
    designs: int = 0
    width: float = 0.0
    error: float = 0.0

    @property
    def share(self) -> float:
        """Of the intervals that hold the truth."""
        return self.held / self.designs

    def count(self, estimate: dict[str, float]) -> None:
        """Take one design into account."""
        self.designs += 1
        self.held += estimate["low"] <= self.truth <= estimate["high"]
        self.papers += abs(estimate["value"] - self.truth) <= 1.96 * estimate["standard_error"]
        self.width += estimate["high"] - estimate["low"]
        self.error += estimate["value"] - self.truth


def coverage(population: Population, designs: int) -> dict[str, Coverage]:
    """Draw so many designs of a population; by what is estimated."""
    found: dict[str, Coverage] = {}
    for seed in range(designs):
        for name, estimate in population.estimate(seed).items():
            found.setdefault(name, Coverage(population.true_area(name))).count(estimate)
    # what no point of a design shows has no estimate there, as an interval would end at nothing
    return {name: item for name, item in found.items() if item.designs == designs}


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


def coverage_table(seed: int, found: dict[str, Coverage]) -> list[str]:
    """Lay out how often intervals held the truth."""
    return [
        f"| {seed} | {name} | {item.truth:,.0f} | {100 * item.share:.1f} % "
        f"| {100 * item.papers / item.designs:.1f} % "
        f"| {item.width / item.designs / abs(item.truth):.2f} "
        f"| {100 * item.error / item.designs / abs(item.truth):+.1f} % |"
        for name, item in found.items()
        if item.truth
    ]


def main() -> None:
    """Measure and write the results beside this file."""
    designs = int(sys.argv[1]) if len(sys.argv) > 1 else DESIGNS
    lines, maps = [], []
    for seed in SEEDS:
        population = Population(History(seed))
        maps += [f"District {seed}:", "", *readings_table(population.history), ""]
        lines += coverage_table(seed, coverage(population, designs))
        print(*lines, sep="\n", flush=True)
    columns = ("district", "area", "hectares", "hold the truth", "1.96 errors do", "width", "bias")
    table = ["| " + " | ".join(columns) + " |", "| --- " * len(columns) + "|", *lines]
    RESULTS.write_text("\n".join([INTRODUCTION.format(designs), *maps, *table]) + "\n")


if __name__ == "__main__":
    main()
