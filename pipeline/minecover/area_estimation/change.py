"""Areas of change from points that are labelled in several periods.

One sample serves for all: strata are those of the design, and each question is a number at each
point, 1 where it is so and 0 elsewhere (Stehman 2014, 10.1080/01431161.2014.930207). What was
gained, lost and the balance of a class, each period by itself, each transition, and all of that
within a unit, are means of such numbers over the area.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from minecover.area_estimation.estimators import area_estimates
from minecover.area_estimation.stratified import Estimate, Strata
from minecover.arrays import BoolArray, Float64Array
from minecover.geography.ground_area import SQUARE_METRES
from minecover.storage.canonical_json import Json
from minecover.transitions.from_to import period_pairs
from minecover.transitions.settings import ARROW

__all__ = ["LabelledPeriods", "change_estimates", "estimates_within"]

Labels = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class LabelledPeriods:
    """Points of a design with their classes in each period.

    Attributes
    ----------
    strata
        Stratum of each point.
    mapped, reference
        Name of a period to the class of each point: on the map, and true.
    pixels
        Of each stratum.
    pixel_area
        In square metres.
    units
        (point,) by name of a unit whether it lies in it; a point may lie in several.
    unit_pixels
        Pixels of each unit, which no area within it exceeds.
    """

    strata: Sequence[str]
    mapped: Labels
    reference: Labels
    pixels: Mapping[str, int]
    pixel_area: float
    units: Mapping[str, BoolArray] = field(default_factory=dict)
    unit_pixels: Mapping[str, int] = field(default_factory=dict)

    @property
    def hectares(self) -> float:
        """Of the whole area."""
        return sum(self.pixels.values()) * self.pixel_area / SQUARE_METRES

    def hectares_of(self, unit: str) -> float:
        """Of a unit; of the whole area where that is not known."""
        pixels = self.unit_pixels.get(unit, sum(self.pixels.values()))
        return pixels * self.pixel_area / SQUARE_METRES

    def where(self, period: str, name: str) -> BoolArray:
        """Points that are of a class in a period."""
        return np.array([label == name for label in self.reference[period]], dtype=np.bool_)


def change_estimates(points: LabelledPeriods, names: Sequence[str]) -> dict[str, Json]:
    """Estimate areas of each period and of what changed between them.

    Parameters
    ----------
    points
        The labelled design.
    names
        Classes, in order.

    Returns
    -------
    `periods`: name to the accuracy and areas of its map; `pairs`: for each period and the next, and
    the first and the last, `from`, `to`, `transitions` (accuracy and areas of those that occur, as
    classes), and by class `gained_ha`, `lost_ha` and `net_ha`; `units`: name to `periods` with
    `area_ha` by class and `pairs` as above, without transitions.

    Raises
    ------
    DataError
        The points are no stratified sample, or a label is no class.
    """
    sampled = Strata.of(points.strata, points.pixels)
    everywhere = np.ones(len(points.strata), dtype=np.bool_)
    pairs = period_pairs(tuple(points.reference))
    estimates: dict[str, Json] = {
        "periods": {
            period: area_estimates(
                points.strata, points.mapped[period], points.reference[period],
                pixels=points.pixels, names=names, pixel_area=points.pixel_area,
            ).to_dict()
            for period in points.reference
        },
        "pairs": [
            {"from": first, "to": last, "transitions": _transitions(points, names, first, last),
             **_balance(points, sampled, names, (first, last), everywhere, points.hectares)}
            for first, last in pairs
        ],
    }  # fmt: skip
    if points.units:
        estimates["units"] = {
            unit: _of_unit(points, sampled, names, unit)
            for unit in sorted(points.units)
            if points.units[unit].any()
        }
    return estimates


def _transitions(
    points: LabelledPeriods, names: Sequence[str], first: str, last: str
) -> dict[str, Json]:
    """Accuracy and areas of the transitions that occur on the map or the ground."""
    mapped, true = (
        [f"{a} {ARROW} {b}" for a, b in zip(labels[first], labels[last], strict=True)]
        for labels in (points.mapped, points.reference)
    )
    found = {*mapped, *true}
    occur = [f"{a} {ARROW} {b}" for a in names for b in names if f"{a} {ARROW} {b}" in found]
    result = area_estimates(
        points.strata, mapped, true, pixels=points.pixels, names=occur, pixel_area=points.pixel_area
    )
    labelled = {name: true.count(name) for name in occur}
    return {**result.to_dict(), "classes": occur, "labelled": labelled}


def _balance(
    points: LabelledPeriods,
    sampled: Strata,
    names: Sequence[str],
    pair: tuple[str, str],
    inside: BoolArray,
    most: float,
) -> dict[str, Json]:
    """Area gained, lost and the balance of each class, within points and hectares of a unit."""
    gained, lost, net = {}, {}, {}
    for name in names:
        before, after = (points.where(period, name) & inside for period in pair)
        came, went = _number(after & ~before), _number(before & ~after)
        gained[name] = _hectares(sampled.share(came), points, 0.0, most)
        lost[name] = _hectares(sampled.share(went), points, 0.0, most)
        net[name] = _hectares(sampled.difference(came, went), points, -most, most)
    return {"gained_ha": gained, "lost_ha": lost, "net_ha": net}


def _of_unit(
    points: LabelledPeriods, sampled: Strata, names: Sequence[str], unit: str
) -> dict[str, Json]:
    """Areas within a unit: of a number that is 0 outside it."""
    inside, most = points.units[unit], points.hectares_of(unit)

    def area(period: str, name: str) -> dict[str, float]:
        share = sampled.share(_number(points.where(period, name) & inside))
        return _hectares(share, points, 0.0, most)

    return {
        "points": int(inside.sum()),
        "periods": {
            period: {"area_ha": {name: area(period, name) for name in names}}
            for period in points.reference
        },
        "pairs": [
            {"from": pair[0], "to": pair[1],
             **_balance(points, sampled, names, pair, inside, most)}
            for pair in period_pairs(tuple(points.reference))
        ],
    }  # fmt: skip


def estimates_within(
    points: LabelledPeriods, names: Collection[str], domains: Mapping[str, Sequence[str]]
) -> dict[str, Json]:
    """Estimate what is of some classes, together, in domains that differ from period to period.

    Parameters
    ----------
    points
        The labelled design.
    names
        Classes.
    domains
        Name of a period to the domain of each point, empty for none.

    Returns
    -------
    Name of a domain to `periods`, name to `points` that lie in it and `area_ha`.
    """
    sampled = Strata.of(points.strata, points.pixels)
    found: dict[str, Json] = {}
    for period, own in domains.items():
        of_classes = np.isin(np.array(points.reference[period], dtype=object), list(names))
        for domain in sorted(set(own) - {""}):
            inside = np.array([name == domain for name in own], dtype=np.bool_)
            share = sampled.share(_number(of_classes & inside))
            area = _hectares(share, points, 0.0, points.hectares)
            one = {"points": int(inside.sum()), "area_ha": area}
            found.setdefault(domain, {"periods": {}})["periods"][period] = one
    return found


def _number(where: BoolArray) -> Float64Array:
    return where.astype(np.float64)


def _hectares(
    estimate: Estimate, points: LabelledPeriods, least: float, most: float
) -> dict[str, float]:
    return estimate.times(points.hectares).within(least, most).to_dict()
