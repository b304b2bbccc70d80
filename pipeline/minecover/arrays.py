"""Types of arrays, by what they hold."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["BoolArray", "Float32Array", "Float64Array", "Int64Array"]

Float32Array: TypeAlias = npt.NDArray[np.float32]

Float64Array: TypeAlias = npt.NDArray[np.float64]

Int64Array: TypeAlias = npt.NDArray[np.int64]

BoolArray: TypeAlias = npt.NDArray[np.bool_]
