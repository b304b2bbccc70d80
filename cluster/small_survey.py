"""A simulated survey of nine tiles, and what two stores of it have in common.

`cluster/slurm` and `cluster/pods` map it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from minecover.demo.district import build_district
from minecover.storage.store import Store

__all__ = ["differences", "district", "say", "wait"]

SIZE, TILE = 96, 32
"""Pixels of the district's edge and of a tile's: nine tiles."""

VARY = ("ledger/", "products/report.html", "plan.json")
"""What differs between any two runs: these tell seconds and hosts, and what they may be."""

PATIENCE = 1200.0
"""Seconds that a step of an experiment may take on a busy machine."""


def say(text: str) -> None:
    """Print with the time."""
    print(time.strftime("%H:%M:%S"), text, flush=True)


def wait(what: str, ready: Callable[[], bool]) -> None:
    """Wait until something is so; `what` names it.

    Raises
    ------
    TimeoutError
        It is not.
    """
    end = time.monotonic() + PATIENCE
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {PATIENCE:.0f} s")
        time.sleep(0.5)


def district(folder: Path, **catalog: str) -> Path:
    """Write a simulated district, and a survey of it in nine tiles.

    Parameters
    ----------
    folder
        Gets both.
    catalog
        Settings of the survey's catalog that replace its own.
    """
    survey = build_district(folder, size=SIZE, points_scale=4).survey
    content = yaml.safe_load(survey.read_text(encoding="utf-8"))
    content["grid"]["tile"] = TILE
    content["catalog"] |= catalog
    content |= {"model": {"kind": "rf"}, "features": {"keep": "none"}}
    content["samples"] |= {"block": 240, "folds": 3}
    content["selection"] = {"keep": 20, "trees": 50}
    content["engine"] = {"tiles": "local", "prediction": "local", "training": "local", "workers": 1}
    survey.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return survey


def differences(one: str, other: str) -> list[str]:
    """Names of objects that are not the same bytes in both stores, the ledger's left out.

    Raises
    ------
    RuntimeError
        The first store has no map, no products or no report.
    """
    stores = Store(one), Store(other)
    names = [
        {name for name in store.names("") if not name.startswith("ledger/")} for store in stores
    ]
    for needed in ("map.zarr/", "products/landuse.tif", "products/report.html"):
        if not any(name.startswith(needed) for name in names[0]):
            raise RuntimeError(f"{one} has no {needed}")
    compared = sorted(name for name in names[0] & names[1] if not name.startswith(VARY))
    differ = [name for name in compared if _content(stores[0], name) != _content(stores[1], name)]
    say(f"{len(compared)} objects compared")
    return sorted(names[0] ^ names[1]) + differ


def _content(store: Store, name: str) -> object:
    """Bytes of an object; of the map's item all but the checksum of the report."""
    data = store.read(name)
    if name != "products/item.json" or data is None:
        return data
    item = json.loads(data)
    del item["assets"]["report"]
    return item
