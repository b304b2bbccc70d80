"""Make a store a survey's own, and leave it again where nothing was made in it."""

from __future__ import annotations

import importlib.metadata
from typing import Any

from minecover.errors import StoreError
from minecover.geography.grid import Grid
from minecover.ledger.leases import probe
from minecover.storage.canonical_json import canonical_json
from minecover.storage.identity import read_identity
from minecover.storage.names import CALIBRATION_FILE, FORMAT, INPUTS_FOLDER, SURVEY_FILE
from minecover.storage.store import Store
from minecover.workflow.stage import Workspace

__all__ = ["release_store", "take_store"]

OWNERLESS = (CALIBRATION_FILE, INPUTS_FOLDER)
"""What a store may hold that is nobody's yet: measured on the machine, whatever the survey, and
files that a survey will read."""


def take_store(workspace: Workspace) -> bool:
    """Make the store this survey's, or refuse one that is another's or keeps no promises.

    Returns
    -------
    Whether it was nobody's before.

    Raises
    ------
    StoreError
        The store holds a survey of another name, area or grid, is in another format, or lets two
        create the same object.
    """
    store, identity = workspace.store, _identity(workspace.survey.name, workspace.grid)
    known, new = read_identity(store), False
    if known is None:
        new = _take_empty(store, identity)
        known = read_identity(store) or {}
    differing = [key for key in identity if key != "format" and known.get(key) != identity[key]]
    if differing:
        raise StoreError(
            f"{store.url}: this is the store of survey {known.get('name')!r} and differs in "
            f"{', '.join(differing)}; give another store with --store, or delete this one"
        )
    if known["format"] != FORMAT:
        # what is done stays done; what is made from now on has all that this format has
        store.write_json(SURVEY_FILE, {**known, **_recorded(identity)})
    try:
        probe(store)
    except StoreError:
        if new:
            release_store(workspace)
        raise
    return new


def release_store(workspace: Workspace) -> None:
    """Leave a store in which nothing was made to whatever the survey becomes when it is fixed."""
    store = workspace.store
    drivers = workspace.ledger.drivers(workspace.stages[0].name, workspace.survey.engine.lease)
    made = (name for name in store.names("") if not name.startswith(drivers.prefix))
    nobodys = all(name.startswith((SURVEY_FILE, *OWNERLESS)) for name in made)
    if not nobodys or drivers.is_held("stage"):
        return
    drivers.clear("stage")
    store.remove(SURVEY_FILE)


def _take_empty(store: Store, identity: dict[str, Any]) -> bool:
    occupied = not all(name.startswith(OWNERLESS) for name in store.names(""))
    # another driver of this survey may have been quicker
    if occupied and store.read(SURVEY_FILE) is None:
        raise StoreError(
            f"{store.url}: not empty and no store of minecover; give an empty folder with --store"
        )
    return store.create(SURVEY_FILE, canonical_json(_recorded(identity)))


def _recorded(identity: dict[str, Any]) -> dict[str, Any]:
    return {**identity, "minecover": importlib.metadata.version("minecover")}


def _identity(name: str, grid: Grid) -> dict[str, Any]:
    affine = [round(value, 6) for value in tuple(grid.geobox.affine)[:6]]
    return {
        "name": name,
        "grid": {
            "crs": grid.crs,
            "shape": list(grid.shape),
            "affine": affine,
            "tile": grid.tile_size,
        },
        "format": FORMAT,
    }
