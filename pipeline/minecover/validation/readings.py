"""What a model reads of held-out points in all periods that have samples, kept as a table.

The periods are combined with settings that may change long after the models were trained, so that
the accuracy of the combined maps is measured from these readings and no model is trained again.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from minecover.arrays import Float32Array, Int64Array
from minecover.models.classifier import Classifier
from minecover.prediction.refinement import Refinement
from minecover.samples.sample_set import (
    OpenFeatures,
    SampleSet,
    parquet_bytes,
    patches_by_period,
)
from minecover.validation.assessed_points import AssessedPoints

__all__ = ["HeldOutReadings", "held_out_bytes", "readings_in"]

BETWEEN = ":"
"""Between period and class in the name of a column; no name of a period has it."""


def held_out_bytes(
    results: Mapping[str, AssessedPoints],
    samples: SampleSet,
    periods: Sequence[str],
    classes: Sequence[str],
) -> bytes:
    """Write what held-out points were read as.

    Parameters
    ----------
    results
        By split, with readings, (point, period, class).
    samples
        Of which the points are rows.
    periods, classes
        Names along the axes of the readings.
    """
    names = [f"{period}{BETWEEN}{name}" for period in periods for name in classes]
    parts = []
    for split, points in results.items():
        head = {
            "split": split, "row": points.rows, "period": samples.periods[points.rows],
            "code": points.reference, "block": points.blocks,
        }  # fmt: skip
        values = points.readings.reshape(len(points.rows), len(names))
        parts.append(pd.DataFrame(head).join(pd.DataFrame(values, columns=names)))
    return parquet_bytes(pd.concat(parts, ignore_index=True))


def readings_in(
    periods: Sequence[str],
    points: SampleSet,
    classifier: Classifier,
    features: OpenFeatures,
    classes: Sequence[int],
    refinement: Refinement | None = None,
) -> Float32Array:
    """Read the places of points in several periods.

    Parameters
    ----------
    periods
        Names.
    points
        Whose places are read.
    classifier
        Reads them.
    features
        Opens those of a period.
    classes
        Codes of the survey's, in its order.
    refinement
        Of what is read; None: it is not refined.

    Returns
    -------
    (point, period, class) probabilities: 0 of a class that the classifier does not know, NaN where
    the period has no features at the place.
    """
    out = np.zeros((len(points), len(periods), len(classes)), dtype=np.float32)
    places = [list(classes).index(code) for code in classifier.classes]
    halo, layers = classifier.halo, classifier.layers
    if refinement is not None:
        halo, layers = halo + refinement.halo, refinement.reads(layers)
    for number, period in enumerate(periods):
        there = points.table.assign(period=period)
        patches = patches_by_period(there, features, 2 * halo + 1, layers)
        read = (
            classifier.predict_centres(patches)
            if refinement is None
            else refinement.at(classifier, patches)
        )
        out[:, number, places] = read
        out[np.isnan(read).any(axis=1), number] = np.nan
    return out


@dataclass(frozen=True, eq=False)
class HeldOutReadings:
    """Points that were held out, with what the model made of their places in several periods.

    Attributes
    ----------
    periods
        Names, of those that have samples.
    period
        (point,) position of the one in which the point is of its class.
    reference, blocks
        (point,) code of its class, and its spatial block.
    probabilities
        (period, class, point); NaN where a period has no features.
    """

    periods: tuple[str, ...]
    period: Int64Array
    reference: Int64Array
    blocks: Int64Array
    probabilities: Float32Array

    @classmethod
    def splits(cls, data: bytes) -> dict[str, HeldOutReadings]:
        """Read those of each split from what `held_out_bytes` wrote."""
        table = pd.read_parquet(io.BytesIO(data))
        return {
            str(split): cls._of(table[table["split"] == split]) for split in table["split"].unique()
        }

    @classmethod
    def _of(cls, table: pd.DataFrame) -> HeldOutReadings:
        columns = [name for name in table.columns if BETWEEN in name]
        periods = tuple(dict.fromkeys(name.partition(BETWEEN)[0] for name in columns))
        values = table[columns].to_numpy(np.float32).T.reshape(len(periods), -1, len(table))
        place = {name: number for number, name in enumerate(periods)}
        return cls(
            periods,
            np.array([place[name] for name in table["period"]], dtype=np.int64),
            table["code"].to_numpy(np.int64),
            table["block"].to_numpy(np.int64),
            values,
        )

    def in_period(self, name: str) -> npt.NDArray[np.bool_]:
        """(point,) whether it is of a period."""
        return np.asarray(self.period == self.periods.index(name))
