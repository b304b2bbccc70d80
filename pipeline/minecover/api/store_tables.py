"""Tables of a store: ranks of the layers, accuracy and mines."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from minecover.accuracy.tables import accuracy_table
from minecover.errors import StoreError
from minecover.selection.result import Selection
from minecover.storage.names import ACCURACY_FILE, PRODUCTS_FOLDER, SELECTION_FILE
from minecover.storage.store import Store
from minecover.workflow.verify import verify

__all__ = ["accuracy_document", "read_accuracy", "read_damages", "read_mines", "read_ranks"]


def read_ranks(store: Store) -> pd.DataFrame:
    """Lay out `selection.json`, a row a layer, best first.

    Raises
    ------
    StoreError
        The select stage has not run.
    """
    selection = Selection.from_json(_bytes(store, SELECTION_FILE, "select").decode())
    columns = {"rank": selection.rank, **selection.scores}
    table = pd.DataFrame(columns, index=pd.Index(selection.names, name="layer"))
    table.insert(1, "chosen", table.index.isin(selection.chosen))
    return table.sort_values("rank")


def accuracy_document(store: Store) -> dict[str, Any]:
    """Read `accuracy.json`.

    Raises
    ------
    StoreError
        The assess stage has not run, or the document is damaged.
    """
    document = store.read_json(ACCURACY_FILE)
    if document is None:
        raise _missing(store, ACCURACY_FILE, "assess")
    if not isinstance(document, dict):
        raise _damaged(store)
    return document


def read_accuracy(store: Store) -> pd.DataFrame:
    """Lay out the accuracy of every split; see `accuracy_table`.

    Raises
    ------
    StoreError
        The assess stage has not run, or its document is damaged.
    """
    document = accuracy_document(store)
    if "carried" in document and not document.get("splits"):
        raise StoreError(f"{store.url}/{ACCURACY_FILE}: {document['carried']['statement']}")
    try:
        tables = {name: accuracy_table(split) for name, split in document["splits"].items()}
        joined: pd.DataFrame = pd.concat(tables, names=["split"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _damaged(store) from error
    return joined


def read_damages(store: Store, stages: Sequence[str]) -> pd.DataFrame:
    """Read all that some stages wrote, and list what is not what was written."""
    rows = [
        (damage.stage, damage.tile, damage.key, damage.reason)
        for check in verify(store, list(stages))
        for damage in check.damages
    ]
    return pd.DataFrame(rows, columns=["stage", "tile", "object", "reason"])


def read_mines(store: Store) -> gpd.GeoDataFrame:
    """Read the outlines of mines that were published.

    Raises
    ------
    StoreError
        They were not.
    """
    data = _bytes(store, f"{PRODUCTS_FOLDER}mines.gpkg", "publish")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mines.gpkg"
        path.write_bytes(data)
        return gpd.read_file(path, layer="mines")


def _bytes(store: Store, key: str, stage: str) -> bytes:
    data = store.read(key)
    if data is None:
        raise _missing(store, key, stage)
    return data


def _missing(store: Store, key: str, stage: str) -> StoreError:
    return StoreError(f'{store.url}/{key}: not there; run the survey until "{stage}"')


def _damaged(store: Store) -> StoreError:
    where = f"{store.url}/{ACCURACY_FILE}"
    return StoreError(f"{where}: damaged; have it made again: `minecover assess --again`")
