"""What is typical of each class: quartiles of layers among the labelled points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

__all__ = ["class_quartiles"]

QUARTILES = np.array([0.25, 0.5, 0.75])


def class_quartiles(
    table: pd.DataFrame, layers: Sequence[str]
) -> dict[str, dict[str, list[float]]]:
    """Give the quartiles of layers by class.

    Parameters
    ----------
    table
        A row for each point: the `name` of its class, and the values of the layers.
    layers
        Columns of it.

    Returns
    -------
    Layer to class to its three quartiles; NaN where no point of a class has a value.
    """
    if not layers:
        return {}
    found = table.groupby("name")[list(layers)].quantile(QUARTILES).unstack()
    return {
        layer: {str(name): row.tolist() for name, row in found[layer].iterrows()}
        for layer in layers
    }
