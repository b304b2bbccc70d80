"""Tables of a store: ranks of the layers, accuracy and mines."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from minecover.accuracy.tables import accuracy_table
from minecover.api.summaries import overall_facts
from minecover.errors import StoreError
from minecover.selection.result import Selection
from minecover.storage.names import ACCURACY_FILE, PRODUCTS_FOLDER, SELECTION_FILE
from minecover.storage.store import Store
from minecover.workflow.verify import verify

__all__ = [
    "accuracy_facts",
    "read_accuracy",
    "read_damages",
    "read_mines",
    "read_ranks",
    "read_splits",
]


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


def read_splits(store: Store) -> dict[str, Any]:
    """Read what was measured by each split, from `accuracy.json`.

    Raises
    ------
    StoreError
        The assess stage has not run or had nothing to measure, or the document is damaged.
    """
    document = _accuracy_document(store)
    if document is None:
        raise _missing(store, ACCURACY_FILE, "assess")
    if reason := _unmeasured(document):
        raise StoreError(f"{store.url}/{ACCURACY_FILE}: {reason}")
    splits: dict[str, Any] = document["splits"]
    return splits


def read_accuracy(store: Store) -> pd.DataFrame:
    """Lay out the accuracy of every split; see `accuracy_table`.

    Raises
    ------
    StoreError
        The assess stage has not run or had nothing to measure, or its document is damaged.
    """
    splits = read_splits(store)
    try:
        tables = {name: accuracy_table(split) for name, split in splits.items()}
        joined: pd.DataFrame = pd.concat(tables, names=["split"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _damaged(store) from error
    return joined


def accuracy_facts(store: Store) -> dict[str, str]:
    """Write the overall accuracy of every split, or why there is none; nothing before `assess`."""
    document = _accuracy_document(store)
    if document is None:
        return {}
    if reason := _unmeasured(document):
        return {"accuracy": reason}
    return {
        f"overall accuracy, {split}".replace("_", " "): overall_facts(rows.droplevel("split"))[
            "overall accuracy"
        ]
        for split, rows in read_accuracy(store).groupby(level="split")
    }


def _accuracy_document(store: Store) -> dict[str, Any] | None:
    """Read `accuracy.json`; None where the assess stage has not run."""
    document: Any = store.read_json(ACCURACY_FILE)
    if document is None:
        return None
    if not isinstance(document, dict) or not isinstance(document.get("splits"), dict):
        raise _damaged(store)
    if not isinstance(document.get("carried", {}), dict):
        raise _damaged(store)
    return document


def _unmeasured(document: dict[str, Any]) -> str:
    """Why no split was measured, as of a carried model without points here; else empty."""
    return "" if document["splits"] else str(document.get("carried", {}).get("statement", ""))


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
