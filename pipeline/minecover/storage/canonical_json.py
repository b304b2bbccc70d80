"""JSON of which equal values are equal bytes."""

from __future__ import annotations

import json
import math
from typing import Any

__all__ = ["Json", "canonical_json", "null_for_nan"]

Json = Any
"""Whatever JSON can hold."""


def canonical_json(value: Json) -> bytes:
    """JSON with sorted keys and no spaces: equal values are equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def null_for_nan(value: Json) -> Json:
    """Put null where a figure is not known: JSON has no NaN."""
    if isinstance(value, dict):
        return {key: null_for_nan(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [null_for_nan(part) for part in value]
    return None if isinstance(value, float) and math.isnan(value) else value
