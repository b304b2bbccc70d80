"""The kinds of model by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minecover.errors import StoreError
from minecover.models.base import DESCRIPTION, Classifier
from minecover.storage.store import Store

__all__ = ["load_classifier"]


def load_classifier(store: Store, prefix: str = "model/") -> Classifier:
    """Read a classifier of any kind from a store.

    Raises
    ------
    StoreError
        There is none, or it is damaged.
    """
    from minecover.models import classical, ensemble, resnet50

    description = store.read_json(prefix + DESCRIPTION)
    if not isinstance(description, dict) or "kind" not in description:
        raise StoreError(f"{store.url}/{prefix}: no model is there; run `minecover train` first")
    readers: dict[str, Callable[[Store, str, dict[str, Any]], Classifier]]
    readers = {"resnet50": resnet50.load, "ensemble": ensemble.load}
    try:
        return readers.get(description["kind"], classical.load)(store, prefix, description)
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(
            f"{store.url}/{prefix}: the model is damaged ({error}); delete it and train again"
        ) from error
