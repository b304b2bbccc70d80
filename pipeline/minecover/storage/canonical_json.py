"""JSON of which equal values are equal bytes."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["Json", "canonical_json"]

Json = Any
"""Whatever JSON can hold."""


def canonical_json(value: Json) -> bytes:
    """JSON with sorted keys and no spaces: equal values are equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
