"""Relief-F on tables and DataArrays, with the names of their features."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from minecover.api.arguments import about, whole
from minecover.errors import DataError
from minecover.features.kernel import check_choice
from minecover.selection.ranking import rank
from minecover.selection.relieff import Ties, Weighting
from minecover.selection.relieff import relieff as relieff_scores

__all__ = ["relieff"]

Table: TypeAlias = Any
"""Samples by features, of NumPy, pandas, xarray or Dask."""

_FEATURE_DIMS = ("feature", "layer")


def relieff(
    x: Table,
    y: npt.ArrayLike,
    *,
    neighbours: int = 100,
    weighting: Weighting = "skrebate",
    discrete_threshold: int = 10,
    queries: int | None = None,
    ties: Ties = "index",
    seed: int = 0,
    threads: int = 1,
) -> pd.DataFrame:
    """Score features by how well they tell a sample from its nearest neighbours of other classes.

    The score of a feature is its mean difference to the nearest samples of other classes less that
    to the nearest of the same class, in shares of its range: 1 where it alone tells the classes
    apart, 0 or less where it is of no use. The scores are those of ``skrebate.ReliefF``.

    Parameters
    ----------
    x
        Samples by features, NaN where a value is missing: an array of NumPy or Dask, a DataFrame,
        or a DataArray of two dims, of which `feature` or `layer` (else the last) are the features.
        It is read into memory.
    y
        Class of each sample, in the order of `x`.
    neighbours, weighting, discrete_threshold, queries, ties, seed, threads
        As `minecover.selection.relieff.relieff`; the result is the same for any number of threads.

    Returns
    -------
    One row a feature, best first, with its name as index: `score` (-1 to 1), `standard_error` that
    drawing the queries leaves in it (0 where every sample was a query) and `rank` from 1.
    ``attrs["queries"]`` is how many samples' neighbours were looked up.

    Raises
    ------
    DataError
        `x` and `y` do not fit, hold infinite or no values, or one class only.
    SurveyError
        A setting is unknown, out of range or of another type.
    """
    with about("mc.relieff"):
        check_choice("weighting", weighting, get_args(Weighting))
        check_choice("ties", ties, get_args(Ties))
        numbers = {"neighbours": neighbours, "discrete_threshold": discrete_threshold}
        for name, value in (numbers | {"seed": seed, "threads": threads}).items():
            whole(name, value)
        if queries is not None:
            whole("queries", queries)
        samples, labels = _Samples.of(x), _labels(y)
        samples.check_order(y)
        samples.check_finite()
        found = relieff_scores(
            samples.values, labels, neighbours=neighbours, weighting=weighting,
            discrete_threshold=discrete_threshold, queries=queries, ties=ties, seed=seed,
            threads=threads,
        )  # fmt: skip
    error = np.zeros_like(found.scores) if found.standard_error is None else found.standard_error
    columns = {"score": found.scores, "standard_error": error, "rank": rank(found.scores)}
    table = pd.DataFrame(columns, pd.Index(list(samples.names), name="feature"))
    table.attrs["queries"] = found.queries
    return table.sort_values("rank")


@dataclass(frozen=True)
class _Samples:
    """Values (sample, feature), the names of the features, and the index of the samples."""

    values: npt.NDArray[np.generic]
    names: Sequence[Hashable]
    index: pd.Index[Any] | None = None

    @classmethod
    def of(cls, x: Table) -> _Samples:
        table = _in_memory(x)
        if isinstance(table, xr.DataArray):
            return cls._of_data_array(table)
        if isinstance(table, pd.DataFrame):
            others = [str(name) for name in table if table[name].dtype.kind not in "fiub"]
            if others:
                raise DataError(
                    f"x has columns that are no numbers: {', '.join(others)}; drop them"
                )
            return cls(table.to_numpy(), list(table.columns), table.index)
        values = np.asarray(table)
        return cls(values, range(values.shape[-1] if values.ndim else 0))

    @classmethod
    def _of_data_array(cls, table: xr.DataArray) -> _Samples:
        if table.ndim != 2:
            raise DataError(
                f"x has dims {', '.join(map(str, table.dims)) or 'none'}; give two, samples and "
                "features, as of features.stack(sample=('y', 'x'))"
            )
        named = [dim for dim in table.dims if dim in _FEATURE_DIMS]
        features = named[0] if named else table.dims[1]
        table = table.transpose(..., features)
        names = table[features].values.tolist()
        return cls(table.values, names, table.indexes.get(table.dims[0]))

    def check_finite(self) -> None:
        """Refuse infinite values by the names of their features."""
        if self.values.ndim != 2 or self.values.dtype.kind != "f":
            return
        infinite = np.isinf(self.values).any(axis=0)
        if infinite.any():
            names = ", ".join(
                str(name) for name, bad in zip(self.names, infinite, strict=True) if bad
            )
            raise DataError(f"x holds infinite values in {names}; give NaN where one is missing")

    def check_order(self, y: object) -> None:
        """Refuse classes whose own index says that they are of other samples."""
        if isinstance(y, xr.DataArray) and y.ndim == 1:
            other = y.indexes.get(y.dims[0])
        else:
            other = y.index if isinstance(y, pd.Series) else None
        if self.index is not None and other is not None and not self.index.equals(other):
            raise DataError("x and y have different indexes; give the classes of the same samples")


def _labels(y: object) -> npt.NDArray[np.generic]:
    labels = np.asarray(_in_memory(y))
    missing = int(pd.isna(labels).sum())
    if missing:
        raise DataError(f"y has no class for {missing} samples; leave them out of x and y")
    return labels


def _in_memory(value: Table) -> Table:
    from dask import compute  # takes long to import

    return compute(value)[0]
