"""Several networks that differ in their seeds and vote together.

What networks of different seeds agree on is more often right than any one of them, and where they
differ the mean of their probabilities says so (Lakshminarayanan et al. 2017, arXiv:1612.01474).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from minecover.arrays import Float32Array
from minecover.models.classifier import DESCRIPTION, Classifier
from minecover.models.network import classifier
from minecover.models.network.classifier import NetworkClassifier, ShapeOf
from minecover.models.settings import Reading
from minecover.storage.names import MODEL_FOLDER
from minecover.storage.store import Store

__all__ = ["Ensemble", "load"]


@dataclass(frozen=True)
class Ensemble(Classifier):
    """A classifier whose probabilities are the mean of those of its members.

    Attributes
    ----------
    members
        Networks of the same layers, classes and window.
    layers, classes
        Theirs.
    """

    members: tuple[NetworkClassifier, ...] = field(repr=False)
    layers: tuple[str, ...]
    classes: tuple[int, ...]

    @classmethod
    def of(cls, members: tuple[NetworkClassifier, ...]) -> Self:
        """Join networks."""
        return cls(members, members[0].layers, members[0].classes)

    @property
    def halo(self) -> int:
        """Half the neighbourhood in pixels."""
        return self.members[0].halo

    @property
    def pixel_bytes(self) -> int:
        """Working memory of one predicted pixel: members are read one after the other."""
        return self.members[0].pixel_bytes + 8 * len(self.classes)

    @property
    def block_edge(self) -> int:
        """See `Classifier.block_edge`."""
        return self.members[0].block_edge

    @property
    def device_memory(self) -> int | None:
        """See `Classifier.device_memory`."""
        return self.members[0].device_memory

    def predict_each(self, blocks: Float32Array) -> Float32Array:
        """See `Classifier.predict_each`."""
        total = self.members[0].predict_each(blocks)
        for member in self.members[1:]:
            total += member.predict_each(blocks)
        total /= np.float32(len(self.members))
        return total

    def with_temperature(self, temperature: float) -> Ensemble:
        """Calibrate: the scores of every member divided by `temperature`."""
        return Ensemble.of(tuple(member.with_temperature(temperature) for member in self.members))

    def with_reading(self, reading: Reading) -> Ensemble:
        """Give the same networks read another way."""
        return Ensemble.of(tuple(member.with_reading(reading) for member in self.members))

    def save(self, store: Store, prefix: str = MODEL_FOLDER) -> None:
        """Write each member under its number, then the description."""
        for number, member in enumerate(self.members):
            member.save(store, f"{prefix}members/{number}/")
        description = {"kind": self.members[0].kind, "members": len(self.members)}
        store.write_json(prefix + DESCRIPTION, description)


def load(store: Store, prefix: str, description: dict[str, Any], shape_of: ShapeOf) -> Ensemble:
    """Read an ensemble whose description is known; `load_classifier` finds it.

    Raises
    ------
    ValueError
        A member is missing or damaged.
    """
    members = []
    for number in range(description["members"]):
        place = f"{prefix}members/{number}/"
        of_member = store.read_json(place + DESCRIPTION)
        if of_member is None:
            raise ValueError(f"member {number} is missing")
        members.append(classifier.load(store, place, of_member, shape_of))
    if not members:
        raise ValueError("an ensemble without members")
    return Ensemble.of(tuple(members))
