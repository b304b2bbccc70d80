"""Items whose records contradict each other, settled by pixels while they are looked up.

An item's own pixels may prove what counts (`offset_proof`). If not, those of another item may that
saw the same ground at the same moment, another version of it or its neighbour along the orbit, and
whose numbers are certain: where they overlap, reflectance is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from minecover.errors import DataError
from minecover.sources.digital_numbers import ContradictionError, Rescaling
from minecover.sources.offset_proof import PROVING, Proof, agreeing_offset, proved_offset

if TYPE_CHECKING:
    from minecover.sources.item_document import Document
    from minecover.sources.manifest import Item
    from minecover.sources.search import Search

__all__ = ["Contradictions"]

MOMENT = timedelta(minutes=10)
"""Between two items of one overpass."""

Names = Mapping[str, str]
"""Key of the asset by name of the band."""


@dataclass
class Contradictions:
    """Decides how the numbers of items become reflectance.

    Attributes
    ----------
    nodata
        Number that no observation has.
    """

    nodata: float | None
    _open: list[tuple[Document, Names, dict[str, ContradictionError]]] = field(default_factory=list)

    def decided(
        self,
        search: Search,
        raw: Document,
        names: Names,
        scaling: Callable[[Document, str], Rescaling],
    ) -> dict[str, Rescaling]:
        """Decide it for the bands of an item; by its pixels where records contradict.

        Parameters
        ----------
        search
            Looks the item up.
        raw, names
            Its document, and its bands.
        scaling
            Decides it by the records of an asset.

        Raises
        ------
        ItemError
            Nothing decides it. Other items still may; see `settled`.
        """
        known, faults = dict[str, Rescaling](), dict[str, ContradictionError]()
        for key, name in names.items():
            try:
                known[key] = scaling(raw, name)
            except ContradictionError as fault:
                faults[key] = fault
        if not faults:
            return known
        proof = self._of_itself(search, raw, names, faults)
        if proof is None:
            self._open.append((raw, names, faults))
            raise next(iter(faults.values()))
        return known | _by(proof, faults)

    def settled(
        self, search: Search, found: Sequence[Item]
    ) -> Iterator[tuple[Document, dict[str, Rescaling]]]:
        """Decide it for items left open by others of the same moment that are certain."""
        for raw, names, faults in self._open:
            for other in found:
                if not _same_moment(raw, other):
                    continue
                proof = self._of_overlap(search, raw, names, faults, other)
                if proof is not None:
                    yield raw, _by(proof, faults)
                    break

    def _of_itself(
        self, search: Search, raw: Document, names: Names, faults: Mapping[str, ContradictionError]
    ) -> Proof | None:
        from minecover.sources.item_pixels import item_pixels  # imports libraries of rasters

        fault = next(iter(faults.values()))
        looked_at = {key: name for key, name in names.items() if key in PROVING}
        try:
            numbers = dict(item_pixels(search, raw, looked_at, self.nodata))
        except DataError:  # a file that cannot be read proves nothing, and is told when it is read
            return None
        return _of_all(proved_offset(numbers, fault.scale, fault.offsets), faults)

    def _of_overlap(
        self,
        search: Search,
        raw: Document,
        names: Names,
        faults: Mapping[str, ContradictionError],
        other: Item,
    ) -> Proof | None:
        from minecover.sources.item_pixels import overlap_pixels

        fault = next(iter(faults.values()))
        wanted = {key: names[key] for key in PROVING if key in faults and key in other.assets}
        try:
            pixels = overlap_pixels(search, raw, wanted, other, self.nodata)
        except DataError:
            return None
        proof = agreeing_offset(*pixels, fault.scale, fault.offsets, other.id) if pixels else None
        return _of_all(proof, faults)


def _of_all(proof: Proof | None, faults: Mapping[str, ContradictionError]) -> Proof | None:
    """Take a proof only where it is one of the two offsets of every band."""
    if proof is None or any(proof.offset not in fault.offsets for fault in faults.values()):
        return None
    return proof


def _by(proof: Proof, faults: Mapping[str, ContradictionError]) -> dict[str, Rescaling]:
    return {
        key: Rescaling(fault.scale, proof.offset, f"{fault.facts}; {proof.reason}")
        for key, fault in faults.items()
    }


def _same_moment(raw: Document, other: Item) -> bool:
    """Tell whether an item was seen by the platform of another, within minutes of it."""
    from minecover.sources.records import time_of

    own = time_of(raw)
    if own is None or other.datetime is None:
        return False
    same = str(raw["properties"].get("platform")).lower() == str(other.platform).lower()
    apart = datetime.fromisoformat(own) - datetime.fromisoformat(other.datetime)
    return same and abs(apart) <= MOMENT
