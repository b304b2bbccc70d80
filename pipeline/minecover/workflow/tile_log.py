"""One line of JSON a tile, for whoever collects logs."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from minecover.engines.base import Outcome
from minecover.errors import StoreError

__all__ = ["LOGGER", "log_tile", "logging_tiles"]

LOGGER = logging.getLogger("minecover.tiles")


def log_tile(stage: str, outcome: Outcome) -> None:
    """Log what became of a tile.

    ===============  ======================================================================
    `time`           when the driver or the pod knew, UTC
    `stage`          `cube`, `features` or `predict`
    `tile`           its name, as `minecover retry --tile` takes it
    `outcome`        `done`; `failed`: bad data; `elsewhere`: done by another worker
    `seconds`        in its worker
    `worker`         host and process
    `attempt`        how often it was begun, counted from 1
    `bytes_read`     of rasters in the store, compressed; files of the catalog are not counted
    `bytes_written`  to the store, compressed
    `peak_mib`       highest resident size of the worker so far
    `error`          why it failed
    ===============  ======================================================================

    Whatever else the stage knows of a tile (`pixels`, `items`, `pixels_read`, shares of nodata) is
    beside these.
    """
    if not LOGGER.isEnabledFor(logging.INFO):
        return
    line = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "stage": stage,
        "tile": outcome.tile.name,
        "outcome": outcome.state,
        **outcome.facts,
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
