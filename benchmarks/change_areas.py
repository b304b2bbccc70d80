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
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.history import CLASSES, History, class_codes
from minecover.area_estimation.change import LabelledPeriods, change_estimates
from minecover.area_estimation.design import count_pixels, draw, sample_size
from minecover.area_estimation.strata import change_strata, expected_of_strata, names_of_strata
from minecover.geography.grid import Window

RESULTS = Path(__file__).parent / "CHANGE.md"
DESIGNS, SEEDS = 400, (11, 12, 13)
PIXEL_AREA = 10_000.0
"""Square metres: areas in hectares are pixels."""

PERIODS = ("first", "last")
NAMES = list(CLASSES)


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
    held, below, designs
        Intervals that hold it, that end below it, and all of them.
    width, error
        Sums of their widths and of what the estimates are off.
    """

    truth: float
    held: int = 0
    below: int = 0
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
        self.below += estimate["high"] < self.truth
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


def main() -> None:
    """Measure and write the results beside this file."""
    designs = int(sys.argv[1]) if len(sys.argv) > 1 else DESIGNS
    for seed in SEEDS:
        population = Population(History(seed))
        for name, item in coverage(population, designs).items():
            width = item.width / designs / item.truth if item.truth else np.nan
            print(f"{seed} {name:22} {item.truth:8.0f} {item.share:.3f} {width:.2f}")


if __name__ == "__main__":
    main()
