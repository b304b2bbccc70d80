"""One line of JSON a tile, for whoever collects logs."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from minecover.engines import Outcome
from minecover.errors import StoreError

__all__ = ["LOGGER", "log_tile", "logging_tiles"]

LOGGER = logging.getLogger("minecover.tiles")


def log_tile(stage: str, outcome: Outcome) -> None:
    """Log what became of a tile: stage, tile, outcome, seconds, and the reason if it failed."""
    if not LOGGER.isEnabledFor(logging.INFO):
        return
    line = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "stage": stage,
        "tile": outcome.tile.name,
        "outcome": outcome.state,
        "seconds": outcome.facts.get("seconds"),
    }
    if outcome.error:
        line["error"] = outcome.error
    LOGGER.info(json.dumps(line, ensure_ascii=False))


@contextmanager
def logging_tiles(target: str | None) -> Iterator[None]:
    """Write the lines to a file, appended, or to standard output (`-`); None: nowhere.

    Raises
    ------
    StoreError
        The file cannot be written.
    """
    if target is None:
        yield
        return
    handler = _handler(target)
    handler.setFormatter(logging.Formatter("%(message)s"))
    level = LOGGER.level
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.INFO)
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.setLevel(level)
        handler.close()


def _handler(target: str) -> logging.Handler:
    if target == "-":
        return logging.StreamHandler(sys.stdout)
    try:
        return logging.FileHandler(target, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"--log {target}: cannot write it: {error.strerror}") from error
