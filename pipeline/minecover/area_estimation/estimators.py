"""Accuracy and areas of the whole map from a stratified random sample of it.

Counting pixels of a class measures the map, errors included. A probability sample with reference
labels measures the ground: the estimators are those of Stehman 2014 (Int. J. Remote Sens. 35,
4923-4939, 10.1080/01431161.2014.930207), whose strata need not be the map's classes. Where they
are, they become those of Olofsson et al. 2014 (Remote Sens. Environ. 148, 42-57,
10.1016/j.rse.2014.02.015) term by term.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from minecover.area_estimation.stratified import Estimate, Strata
from minecover.arrays import Float64Array
from minecover.errors import DataError
from minecover.samples.labels import listed_unknown

__all__ = ["AreaEstimates", "area_estimates", "probability_sample"]


@dataclass(frozen=True)
class AreaEstimates:
    """Accuracy of the whole map and areas on the ground, each with its standard error.

    Attributes
    ----------
    names
        Classes, in order.
    proportions
        (class, class) estimated shares of the area: rows map, columns reference, as the papers
        print them (the transpose of `Estimates.matrix`).
    overall_accuracy
        Of the whole area.
    users_accuracy, producers_accuracy
        By class; None where the class was never mapped, or never found on the ground.
    area
        Of each class on the ground, in hectares.
    samples
        Number of points.
    """

    names: tuple[str, ...]
    proportions: Float64Array
    overall_accuracy: Estimate
    users_accuracy: Mapping[str, Estimate | None]
    producers_accuracy: Mapping[str, Estimate | None]
    area: Mapping[str, Estimate]
    samples: int

    def to_dict(self) -> dict[str, Any]:
        """Give everything as JSON; null for what is undefined."""

        def plain(items: Mapping[str, Estimate | None]) -> dict[str, dict[str, float] | None]:
            return {name: item.to_dict() if item else None for name, item in items.items()}

        return {
            "proportions": self.proportions.tolist(),
            "overall_accuracy": self.overall_accuracy.to_dict(),
            "users_accuracy": plain(self.users_accuracy),
            "producers_accuracy": plain(self.producers_accuracy),
            "area_ha": plain(self.area),
            "samples": self.samples,
        }


def area_estimates(
    strata: Sequence[str],
    mapped: Sequence[str],
    reference: Sequence[str],
    *,
    pixels: Mapping[str, int],
    names: Sequence[str],
    pixel_area: float,
    finite_population: bool = False,
) -> AreaEstimates:
    """Estimate accuracy and areas from a stratified random sample.

    Parameters
    ----------
    strata, mapped, reference
        Of each of n points: its stratum, its class on the map that is assessed, its true class.
    pixels
        Pixels of each stratum in the whole area.
    names
        Classes, in order.
    pixel_area
        In square metres.
    finite_population
        Apply the finite population correction 1 - n/N (Stehman's eq. 25; Olofsson et al. leave
        it out). It matters where a stratum is sampled nearly whole; one of which every pixel is a
        point has no error in either case.

    Raises
    ------
    DataError
        The points are no stratified sample of those strata, or a label is no class.
    """
    table = pd.DataFrame({"stratum": strata, "map": mapped, "label": reference}, dtype=object)
    sampled = Strata.of(strata, pixels, finite_population)
    _refuse_unknown_classes(table, names)
    return _estimate(sampled, table, tuple(names), pixel_area)


def _refuse_unknown_classes(table: pd.DataFrame, names: Sequence[str]) -> None:
    for column in ("map", "label"):
        counts = table[column].astype(str).value_counts()
        unknown = {str(label): int(n) for label, n in counts.items() if label not in names}
        if unknown:
            raise DataError(
                f"areas: {column} holds {listed_unknown(unknown, names)}, which are no classes "
                f"of the survey ({', '.join(names)}); correct the labels"
            )


def _estimate(
    strata: Strata, table: pd.DataFrame, names: tuple[str, ...], pixel_area: float
) -> AreaEstimates:
    on_map = {name: _indicator(table["map"], name) for name in names}
    on_ground = {name: _indicator(table["label"], name) for name in names}
    correct = {name: on_map[name] * on_ground[name] for name in names}
    hectares = strata.total * pixel_area / 10_000
    shares = {name: strata.share(on_ground[name]) for name in names}
    proportions = [[strata.value(on_map[i] * on_ground[j]) for j in names] for i in names]
    return AreaEstimates(
        names=names,
        proportions=np.array(proportions),
        overall_accuracy=strata.share(np.sum(list(correct.values()), axis=0)),
        users_accuracy={name: strata.users(correct[name], on_map[name]) for name in names},
        producers_accuracy={
            name: strata.producers(correct[name], on_ground[name], on_map[name]) for name in names
        },
        area={name: share.times(hectares) for name, share in shares.items()},
        samples=len(table),
    )


def _indicator(labels: pd.Series[Any], name: str) -> Float64Array:
    return np.asarray(labels == name, dtype=np.float64)


def probability_sample(
    frame: pd.DataFrame, source: str, labels: Sequence[str] = ("reference",)
) -> dict[str, int]:
    """Check that labelled points are a stratified random sample.

    Parameters
    ----------
    frame
        One row a point: stratum, pixels (of the stratum), inclusion (probability),
        reference, as `minecover design` writes them and a person completes them.
    source
        Name of the file, for messages.
    labels
        Columns of the true classes.

    Returns
    -------
    Pixels of each stratum.

    Raises
    ------
    DataError
        The points are no probability sample, with the reason: no inclusion probabilities, some
        points not labelled, or points added, taken out or moved to another stratum.
    """
    missing = [name for name in ("stratum", "pixels", "inclusion") if name not in frame.columns]
    if missing:
        raise DataError(
            f"{source}: no probability sample: no column {', '.join(missing)}. Areas and their "
            "intervals need points drawn at random with known inclusion probabilities; points "
            "chosen by hand or for training have none. Draw them with `minecover design`"
        )
    for column in labels:
        _refuse_unlabelled(frame, column, source)
    return {
        str(name): _stratum(str(name), group, source) for name, group in frame.groupby("stratum")
    }


def _refuse_unlabelled(frame: pd.DataFrame, column: str, source: str) -> None:
    if column not in frame.columns:
        raise DataError(f"{source}: no column {column}; give each point its true class there")
    empty = frame[column].isna() | (frame[column].astype(str).str.strip() == "")
    if empty.any():
        raise DataError(
            f"{source}: {int(empty.sum())} of {len(frame)} points have no label in "
            f"column {column}; label all of them: without the difficult ones the rest is no "
            "probability sample"
        )


def _stratum(name: str, group: pd.DataFrame, source: str) -> int:
    sizes = group["pixels"].unique()
    expected = len(group) / float(sizes[0]) if len(sizes) == 1 and sizes[0] > 0 else np.nan
    if not np.allclose(group["inclusion"].to_numpy(dtype=np.float64), expected, rtol=1e-6):
        raise DataError(
            f"{source}: no probability sample: stratum {name} holds {len(group)} points, which "
            "its inclusion probabilities do not fit; points were added, taken out or moved to "
            "another stratum. Label the file that `minecover design` wrote, whole"
        )
    return int(sizes[0])
