"""The samples of a survey as learning needs them: points with class, features, block and folds."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from minecover.accuracy.blocks import Folds, area_folds, divided_apart
from minecover.arrays import BoolArray, Float32Array, Int64Array
from minecover.errors import StoreError
from minecover.samples.patches import extract
from minecover.samples.points import Points
from minecover.storage.names import SAMPLES_FILE
from minecover.storage.raster import Raster
from minecover.storage.store import Store

__all__ = [
    "OpenFeatures",
    "SampleSet",
    "parquet_bytes",
    "patches_by_period",
    "periods_of",
    "samples_table",
]

OpenFeatures = Callable[[str], Raster]
"""Opens the features of a period that patches are cut from; only called where patches are.

The period's name is empty where the survey names none.
"""

COLUMNS = (
    "id", "x", "y", "row", "col", "code", "name", "polygon", "region", "block", "block_fold",
    "random_fold", "period",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class SampleSet:
    """Labelled points.

    Attributes
    ----------
    table
        Rows of `samples.parquet`.
    layers
        Names of the feature columns that have a value at any point of the survey.
    """

    table: pd.DataFrame
    layers: tuple[str, ...]

    @classmethod
    def read(cls, store: Store) -> SampleSet:
        """Read what the samples stage wrote.

        Raises
        ------
        StoreError
            The stage has not run, or the table is damaged.
        """
        where, data = f"{store.url}/{SAMPLES_FILE}", store.read(SAMPLES_FILE)
        if data is None:
            raise StoreError(f'{where}: not there; run the survey until "samples"')
        try:
            table = pd.read_parquet(io.BytesIO(data))
        except (pa.ArrowException, OSError, ValueError) as error:
            raise StoreError(
                f"{where}: damaged; have it made again: `minecover samples --again`, then run"
            ) from error
        layers = [name for name in table.columns if name not in COLUMNS]
        return cls(table, tuple(name for name in layers if table[name].notna().any()))

    def __len__(self) -> int:
        return len(self.table)

    @property
    def codes(self) -> Int64Array:
        """(point,) class codes."""
        return self.table["code"].to_numpy(np.int64)

    @property
    def blocks(self) -> Int64Array:
        """(point,) spatial blocks."""
        return self.table["block"].to_numpy(np.int64)

    def values(self, layers: tuple[str, ...]) -> Float32Array:
        """(point, layer) features at the points' own pixels."""
        return self.table[list(layers)].to_numpy(np.float32)

    def is_complete(self, layers: tuple[str, ...]) -> BoolArray:
        """(point,) whether a point has a value in each of some layers: the map has a class there.

        The others are neither trained on nor tested on.
        """
        return np.asarray(np.isfinite(self.values(layers)).all(axis=1))

    def patches(self, layers: tuple[str, ...], window: int, features: OpenFeatures) -> Float32Array:
        """Cut patches around the points, (point, layer, window, window).

        Parameters
        ----------
        layers
            Names of the features.
        window
            Edge of a patch in pixels, odd.
        features
            Where they are cut from; the points' own pixels are in the table.
        """
        if window == 1:
            return self.values(layers)[:, :, None, None]
        return patches_by_period(self.table, features, window, layers)

    @property
    def periods(self) -> npt.NDArray[np.object_]:
        """(point,) names of the periods in which the points are of their classes, or empty."""
        return periods_of(self.table)

    def part(self, use: BoolArray) -> SampleSet:
        """Take some of the points."""
        return SampleSet(self.table[use].reset_index(drop=True), self.layers)

    def regions(self) -> Iterator[tuple[str, BoolArray]]:
        """Go through the regions by name, each with (point,) whether a point lies there."""
        region = self.table["region"].to_numpy()
        for name in np.unique(region):
            yield str(name), np.asarray(region == name)

    def folds(self, split: str) -> Folds:
        """Folds of a split, `random`, `block` or `area`, of which each region has its share."""
        count = int(self.table["block_fold"].max()) + 1
        if split == "area":
            _, region = np.unique(self.table["region"].to_numpy(), return_inverse=True)
            return divided_apart(self.table, region, lambda part: area_folds(part, count, seed=0))
        fold = self.table[f"{split}_fold"].to_numpy(np.int64)
        return Folds(fold, self.blocks, int(fold.max()) + 1)


def periods_of(frame: pd.DataFrame) -> npt.NDArray[np.object_]:
    """(point,) names of the periods of points; empty names where they are of none."""
    if "period" in frame:
        return frame["period"].to_numpy(object)
    return np.full(len(frame), "", dtype=object)


def patches_by_period(
    frame: pd.DataFrame, features: OpenFeatures, window: int, names: Sequence[str] | None = None
) -> Float32Array:
    """Read the patch around each point in the features of its period; see `extract`.

    Parameters
    ----------
    frame
        n points with row, col and, where the survey names periods, period.
    features
        Opens those of a period.
    window, names
        Of `extract`.
    """
    period = periods_of(frame)
    parts = {name: np.flatnonzero(period == name) for name in np.unique(period)}
    read = {
        name: extract(Points(frame.iloc[rows], {}), features(name), window, names)
        for name, rows in parts.items()
    }
    if len(read) == 1:
        return next(iter(read.values()))
    shape = next(iter(read.values())).shape[1:]
    out = np.empty((len(frame), *shape), dtype=np.float32)
    for name, rows in parts.items():
        out[rows] = read[name]
    return out


def samples_table(
    points: Points,
    values: Float32Array,
    names: Sequence[str],
    *,
    region: npt.NDArray[np.object_],
    block: Int64Array,
    block_fold: Int64Array,
    random_fold: Int64Array,
) -> pd.DataFrame:
    """One row a point: where it is, its class, its folds, and the layers at its pixel.

    Parameters
    ----------
    points
        n points.
    values
        (n, layers) at the points' own pixels.
    names
        Of the layers.
    region
        (n,) names of the points' regions.
    block, block_fold, random_fold
        (n,) as `minecover.accuracy.blocks` gives them.

    Returns
    -------
    Columns id, x, y, row, col, code, name, polygon, of a survey of periods period, then region,
    block, block_fold, random_fold and the layers.
    """
    if values.shape != (len(points), len(names)):
        raise ValueError(f"values: shape {values.shape}, not {(len(points), len(names))}")
    folds = {"region": region, "block": block, "block_fold": block_fold, "random_fold": random_fold}
    head = points.frame.assign(**folds)
    head.insert(0, "id", np.arange(len(points)))
    layers = pd.DataFrame(values, columns=list(names), index=head.index)
    return pd.concat([head, layers], axis=1)


def parquet_bytes(table: pd.DataFrame) -> bytes:
    """Serialise a table as Parquet; equal tables are equal bytes."""
    buffer = io.BytesIO()
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    pq.write_table(arrow, buffer, compression="zstd")
    return buffer.getvalue()
