"""Designs of points of a simulated history, what is asked of them, and estimates by the truth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from benchmarks.history import CLASSES, FOREST, MINE, RESTORED, History, class_codes
from minecover.area_estimation.design import (
    allocate,
    allocate_change,
    count_pixels,
    draw,
    sample_size,
)
from minecover.area_estimation.strata import (
    change_strata,
    expected_of_strata,
    joined_pixels,
    joined_strata,
    joined_tiles,
)
from minecover.area_estimation.stratified import Estimate, Strata
from minecover.geography.grid import Window

__all__ = ["NAMES", "Population", "design_of_change"]

LEAST = 100
"""Pixels of a transition that is asked for, at least."""

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
class Ratio:
    """User's or producer's accuracy.

    Attributes
    ----------
    mapped, there
        (y, x) where the map has a class, and where it is.
    of_map
        The share of what is mapped, or else of what is there, that is both.
    """

    mapped: Where
    there: Where
    of_map: bool

    @property
    def truth(self) -> float:
        """Of the whole map."""
        whole = self.mapped if self.of_map else self.there
        return float((self.mapped & self.there).sum() / whole.sum())

    def estimate(self, sampled: Strata, at: tuple[Places, Places]) -> Estimate | None:
        """Estimate it from the points of a design; None if none is of the whole."""
        mapped, there = (part[at].astype(np.float64) for part in (self.mapped, self.there))
        if self.of_map:
            return sampled.users(mapped * there, mapped)
        return sampled.producers(mapped * there, there, mapped)


@dataclass(frozen=True)
class Population:
    """What designs are drawn from, and what is asked of them.

    Attributes
    ----------
    strata
        (y, x) codes.
    allocation
        Points of each stratum.
    questions, ratios
        By what they are called.
    """

    strata: Codes
    allocation: Mapping[int, int]
    questions: Mapping[str, Question]
    ratios: Mapping[str, Ratio]

    @classmethod
    def of_change(
        cls, history: History, standard_error: float = 0.01, minimum: int = 50
    ) -> Population:
        """Compare the first period with the last, as a survey's design of both does."""
        single, combined = (
            class_codes(maps[[0, -1]]) for maps in (history.single, history.combined)
        )
        users = dict.fromkeys(CLASSES.values(), 0.95)
        strata, points = design_of_change(combined, single, CLASSES, users, standard_error, minimum)
        maps = history.combined[[0, -1]], history.truth[[0, -1]]
        ratios = {}
        for one, other in ((FOREST, MINE), (MINE, RESTORED)):
            mapped, there = ((m[0] == one) & (m[1] == other) for m in maps)
            ratios |= accuracies(f"{NAMES[one]} -> {NAMES[other]}", mapped, there)
        return cls(strata, points, questions_of_change(history), ratios)

    @classmethod
    def of_map(
        cls, history: History, standard_error: float = 0.01, minimum: int = 50
    ) -> Population:
        """Take the last period's map alone."""
        strata = class_codes(history.combined[-1]).astype(np.int32)
        pixels = count_pixels(_tiles(strata))
        size = sample_size(pixels, dict.fromkeys(pixels, 0.95), 0.01)
        asked = {name: Question(history.truth[-1] == place) for place, name in enumerate(NAMES)}
        ratios = {}
        for place, name in enumerate(NAMES):
            ratios |= accuracies(name, history.combined[-1] == place, asked[name].more)
        return cls(strata, allocate(pixels, size), asked, ratios)

    def estimates(self, seed: int, with_ratios: bool) -> dict[str, Estimate | None]:
        """Draw a design, label it by the truth, and estimate."""
        width = self.strata.shape[1]
        design = draw(_tiles(self.strata), self.allocation, width=width, seed=seed)
        at = design.frame["row"].to_numpy(), design.frame["col"].to_numpy()
        pixels = {str(code): count for code, count in design.pixels.items()}
        sampled = Strata.of(design.frame["code"].astype(str).tolist(), pixels)
        asked = {**self.questions, **(self.ratios if with_ratios else {})}
        return {name: one.estimate(sampled, at) for name, one in asked.items()}

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


def accuracies(name: str, mapped: Where, there: Where) -> dict[str, Ratio]:
    """Ask for the user's and the producer's accuracy of a class."""
    return {
        f"user's, {name}": Ratio(mapped, there, of_map=True),
        f"producer's, {name}": Ratio(mapped, there, of_map=False),
    }


def design_of_change(
    maps: npt.NDArray[np.uint8],
    readings: npt.NDArray[np.uint8],
    classes: Mapping[str, int],
    users: Mapping[int, float],
    standard_error: float,
    minimum: int,
) -> tuple[Codes, dict[int, int]]:
    """Give the strata of a design, (y, x), and the points of each.

    Parameters
    ----------
    maps, readings
        (2, y, x) codes of the two periods, combined and each by itself.
    classes, users
        Name to code, and code to the user's accuracy that is expected.
    standard_error, minimum
        Of the overall accuracy; points of a stratum.
    """
    fine = change_strata((maps[0], maps[1]), (readings[0], readings[1]), classes)
    counted = count_pixels(_tiles(fine))
    joined = joined_strata(counted, classes, minimum)
    [(_, strata)] = joined_tiles(_tiles(fine), joined)
    expected = expected_of_strata(classes, users)
    pixels = joined_pixels(counted, joined)
    return strata, allocate_change(pixels, expected, standard_error, minimum)


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
