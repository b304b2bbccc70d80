"""What lies in a store: its files, and the arrays of its rasters."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Iterator
from itertools import pairwise

from feature_tables import SEASONS, catalogue
from markup import table

from minecover.prediction.map_layers import map_arrays
from minecover.prediction.settings import PredictionSettings
from minecover.storage import names
from minecover.storage.raster_array import RasterArray, cube_arrays, feature_array


def files() -> str:
    """List what `minecover.storage.names` names, each with its docstring."""
    return table(("in the store", "what it holds"), _named())


def cube() -> str:
    """List the arrays of the cube, with every source of this package."""
    return _arrays(cube_arrays(SEASONS, catalogue().cube))


def features() -> str:
    """List the array of the features."""
    return _arrays([feature_array(catalogue().layers)])


def map_() -> str:
    """List the arrays of the map, here of two classes."""
    return _arrays(map_arrays(PredictionSettings(), {"mining": 1, "other": 2}))


def _named() -> Iterator[tuple[str, str]]:
    body = ast.parse(inspect.getsource(names)).body
    for node, text in pairwise(body):
        if isinstance(node, ast.Assign) and isinstance(text, ast.Expr):
            value = getattr(names, ast.unparse(node.targets[0]))
            if isinstance(value, str):
                yield f"`{value}`", inspect.cleandoc(ast.literal_eval(text.value))


def _arrays(arrays: Iterable[RasterArray]) -> str:
    rows = [
        (
            f"`{array.name}`",
            ", ".join(array.dimensions),
            str(array.attributes["long_name"]),
            str(array.attributes.get("units", "of each layer: `unit`")),
        )
        for array in arrays
    ]
    return table(("array", "dimensions", "what it holds", "unit"), rows)
