"""Several models that vote together: the mean of their probabilities (soft voting).

What models agree on that differ in their seeds, or in what they are, is more often right than any
one of them, and where they differ the mean says so (Lakshminarayanan et al. 2017,
arXiv:1612.01474).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from minecover.arrays import Float32Array
from minecover.models.classifier import DESCRIPTION, Classifier, check_blocks
from minecover.models.settings import Reading
from minecover.storage.names import MODEL_FOLDER
from minecover.storage.store import Store

__all__ = ["Vote", "load"]

LoadMember = Callable[[str, dict[str, object]], Classifier]
"""Reads a member below a prefix, whose description is known."""


@dataclass(frozen=True, eq=False)
class Vote(Classifier):
    """A classifier whose probabilities are the mean of those of its members.

    Attributes
    ----------
    kind
        Name of its kind.
    members
        Models of the same classes, of any windows and layers.
    layers, classes
        All that its members read, in the order in which blocks hold them; their classes.
    """

    kind: str
    members: tuple[Classifier, ...] = field(repr=False)
    layers: tuple[str, ...]
    classes: tuple[int, ...]

    @classmethod
    def of(
        cls, kind: str, members: Sequence[Classifier], layers: Sequence[str] | None = None
    ) -> Vote:
        """Join models.

        Parameters
        ----------
        kind, members
            As above.
        layers
            As above; None: in the order of the first that reads them.

        Raises
        ------
        ValueError
            There is none, they are of different classes, or read other layers than those.
        """
        if len({member.classes for member in members}) != 1:
            raise ValueError(f"{len(members)} models of different classes, or none, cannot vote")
        read = dict.fromkeys(name for member in members for name in member.layers)
        if layers is not None and (len(layers) != len(read) or set(layers) != set(read)):
            raise ValueError(f"{len(layers)} layers where those that vote read {len(read)}")
        return cls(kind, tuple(members), tuple(layers or read), members[0].classes)

    @cached_property
    def _read(self) -> tuple[list[int] | None, ...]:
        """Positions of the layers that each member reads; None: all of them, in this order."""
        position = {name: number for number, name in enumerate(self.layers)}
        return tuple(
            None if member.layers == self.layers else [position[name] for name in member.layers]
            for member in self.members
        )

    @property
    def halo(self) -> int:
        """See `Classifier.halo`: the widest of its members'."""
        return max(member.halo for member in self.members)

    @property
    def pixel_bytes(self) -> int:
        """See `Classifier.pixel_bytes`: members are read one after the other."""
        copied = 0 if not any(self._read) else 4 * len(self.layers)
        return max(member.pixel_bytes for member in self.members) + copied + 8 * len(self.classes)

    @property
    def block_edge(self) -> int:
        """See `Classifier.block_edge`."""
        return max(member.block_edge for member in self.members)

    @property
    def device_memory(self) -> int | None:
        """See `Classifier.device_memory`."""
        sizes = [member.device_memory for member in self.members]
        return min((size for size in sizes if size is not None), default=None)

    def predict_each(self, blocks: Float32Array) -> Float32Array:
        """See `Classifier.predict_each`."""
        check_blocks(blocks, self.layers, self.halo)
        total: Float32Array | None = None
        for member, read in zip(self.members, self._read, strict=True):
            margin = self.halo - member.halo
            inside = slice(margin, -margin or None)
            seen = blocks[:, :, inside, inside]
            found = member.predict_each(seen if read is None else seen[:, read])
            total = found if total is None else np.add(total, found, out=total)
        assert total is not None  # there is a member
        total /= np.float32(len(self.members))
        return total

    def with_members(self, change: Callable[[Classifier], Classifier]) -> Vote:
        """Give the vote of members that are changed, one by one."""
        return replace(self, members=tuple(change(member) for member in self.members))

    def with_reading(self, reading: Reading) -> Vote:
        """See `Classifier.with_reading`."""
        return self.with_members(lambda member: member.with_reading(reading))

    def save(self, store: Store, prefix: str = MODEL_FOLDER) -> None:
        """Write each member under its number, then the description."""
        for number, member in enumerate(self.members):
            member.save(store, f"{prefix}members/{number}/")
        description = {"kind": self.kind, "layers": self.layers, "members": len(self.members)}
        store.write_json(prefix + DESCRIPTION, description)


def load(store: Store, prefix: str, description: dict[str, object], member: LoadMember) -> Vote:
    """Read a vote whose description is known.

    Raises
    ------
    ValueError
        A member is missing, damaged, or of other classes or layers than it says.
    """
    count, layers, members = description["members"], description["layers"], []
    if not isinstance(count, int) or not isinstance(layers, list):
        raise TypeError(f"{count} members that read {layers}")
    for number in range(count):
        place = f"{prefix}members/{number}/"
        known = store.read_json(place + DESCRIPTION)
        if not isinstance(known, dict):
            raise ValueError(f"member {number} is missing")
        members.append(member(place, known))
    return Vote.of(str(description["kind"]), members, [str(name) for name in layers])
