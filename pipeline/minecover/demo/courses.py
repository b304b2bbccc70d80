"""What becomes of a mine in the course of time: when each part is dug, flooded, greened, built on.

Time runs from 0 at the first period to 1 at the last. A course gives every pixel of a pit or dump
the moments at which its use changes; what it is at any moment follows from them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from minecover.demo.noise import Field

__all__ = ["COURSES", "Course", "Dates", "Form", "Use"]

NEVER = np.float32(np.inf)


class Use(IntEnum):
    """Use of a pixel of a mine's ground; each follows those before it."""

    NATURAL = 0
    DUG = 1
    FILLED = 2
    FLOODED = 3
    GREENED = 4
    BUILT_ON = 5
    REOPENED = 6


@dataclass(frozen=True)
class Form:
    """Where a pixel lies in a pit or dump.

    Attributes
    ----------
    out
        From 0 in the centre to 1 at the edge.
    along
        From 0 where pit and dump meet to 1 at the far end.
    """

    out: Field
    along: Field


@dataclass(frozen=True)
class Dates:
    """Moments at which the use of each pixel changes, infinite where it never does."""

    dug: Field
    filled: Field
    flooded: Field
    greened: Field
    built_on: Field
    reopened: Field

    @classmethod
    def of(cls, dug: Field, **later: Field) -> Dates:
        """Combine the moments that are given; a use that ends before it begins never was."""
        never = np.full(dug.shape, NEVER)
        names = ("filled", "flooded", "greened", "built_on", "reopened")
        return cls(dug, *(np.asarray(later.get(name, never), np.float32) for name in names))

    def use(self, moment: float) -> npt.NDArray[np.uint8]:
        """Use of every pixel at a moment, codes of `Use`."""
        use = np.zeros(self.dug.shape, dtype=np.uint8)
        moments = (
            self.dug, self.filled, self.flooded, self.greened, self.built_on, self.reopened,
        )  # fmt: skip
        for code, begins in enumerate(moments, Use.DUG):
            use[begins <= moment] = code
        return use


Plan = Callable[[Form], Dates]


@dataclass(frozen=True)
class Course:
    """The course of one mine.

    Attributes
    ----------
    radius
        Of the pit, as a share of the length that the landscape scales with.
    pit, dump
        Their dates; without `dump` there is none.
    twin
        Whether a second pit beside it grows until both are one.
    licensed
        Moment up to which the mine keeps to its licence; None: it has none.
    stalls
        Whether what is planted on its dump does not grow.
    """

    radius: float
    pit: Plan
    dump: Plan | None = None
    twin: bool = False
    licensed: float | None = field(default=1.0)
    stalls: bool = False


def _dug_before(form: Form) -> Field:
    return np.asarray(-1.2 + 0.6 * form.out, dtype=np.float32)


def _advancing_pit(form: Form) -> Dates:
    """Dig away from the dump, and green what lies behind."""
    dug = np.asarray(-0.6 + 1.6 * form.along, dtype=np.float32)
    return Dates.of(dug, filled=dug + 0.45, greened=dug + 0.75)


def _advancing_dump(form: Form) -> Dates:
    dug = np.asarray(-0.6 + 0.9 * form.along, dtype=np.float32)
    return Dates.of(dug, greened=dug + 0.8)


def _opening_pit(form: Form) -> Dates:
    return Dates.of(np.asarray(0.12 + 0.85 * form.along, dtype=np.float32))


def _opening_dump(form: Form) -> Dates:
    return Dates.of(np.asarray(0.22 + 0.75 * form.along, dtype=np.float32))


def _merging_pit(form: Form) -> Dates:
    return Dates.of(np.asarray(-0.8 + 1.75 * form.out, dtype=np.float32))


def _flooding_pit(form: Form) -> Dates:
    """Let the water rise from the floor, and green the upper benches at last."""
    wet = np.where(form.out < 0.75, 0.08 + 0.6 * form.out, NEVER)
    dry = np.where(form.out >= 0.75, np.float32(0.8), NEVER)
    return Dates.of(_dug_before(form), flooded=wet, greened=dry)


def _reopened_dump(form: Form) -> Dates:
    """Take away half of an old dump that had been greened long before."""
    again = np.where(form.along > 0.5, np.float32(0.55), NEVER)
    return Dates.of(_dug_before(form), greened=np.full_like(form.out, -0.5), reopened=again)


def _closing_pit(form: Form) -> Dates:
    greened = 0.25 + 0.7 * (1 - form.along)
    return Dates.of(_dug_before(form), filled=0.05 + 0.2 * form.along, greened=greened)


def _closing_dump(form: Form) -> Dates:
    return Dates.of(_dug_before(form), greened=0.1 + 0.8 * form.along)


def _splitting_pit(form: Form) -> Dates:
    """Fill and green a strip across the pit, and build on its middle."""
    strip = np.abs(form.along - 0.5)
    greened: Field = np.where(strip < 0.22, 0.1 + 2.0 * strip, NEVER).astype(np.float32)
    built_on = np.where(strip < 0.1, np.float32(0.75), NEVER)
    return Dates.of(_dug_before(form), filled=greened - 0.25, greened=greened, built_on=built_on)


def _stalled_dump(form: Form) -> Dates:
    return Dates.of(_dug_before(form), greened=np.full_like(form.out, -0.2))


#: The courses, in the order in which the mines find their places.
COURSES: dict[str, Course] = {
    "advancing": Course(0.095, _advancing_pit, _advancing_dump, licensed=0.3),
    "splitting": Course(0.085, _splitting_pit, _stalled_dump, stalls=True),
    "merging": Course(0.065, _merging_pit, twin=True, licensed=0.25),
    "opening": Course(0.075, _opening_pit, _opening_dump, licensed=None),
    "closing": Course(0.070, _closing_pit, _closing_dump),
    "flooding": Course(0.070, _flooding_pit, _reopened_dump),
}
