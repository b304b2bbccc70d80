"""Parts of a stage without tiles: a stage that died goes on with those that it had not done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from minecover.storage.checksums import note_all, objects_of, recording
from minecover.storage.names import LEDGER, SEGMENT
from minecover.storage.store import Store

__all__ = ["PartMarkers"]


@dataclass(frozen=True)
class PartMarkers:
    """Which parts of a stage are done, under one fingerprint.

    Attributes
    ----------
    store, stage, fingerprint
        Of the stage.
    generation
        Of the stage: what was done in another is made from something that was invalidated since.
    """

    store: Store
    stage: str
    fingerprint: str
    generation: int

    @property
    def folder(self) -> str:
        """Where the markers of all generations are; those of other fingerprints are beside it."""
        return f"{LEDGER}/{self.stage}/{self.fingerprint}/parts"

    def any(self) -> bool:
        """Tell whether any part is done."""
        return any(key.endswith(self._ending) for key in self.store.names(self.folder))

    def carry_out(self, part: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Work on a part that is not done, and mark it done after what it wrote.

        Returns
        -------
        Its figures.
        """
        done = self.store.read_json(self._key(part), {"facts": dict, "objects": dict})
        if done is None:
            with recording() as objects:
                facts = work()
            done = {"facts": facts, "objects": objects}
            self.store.write_json(self._key(part), done)
        note_all(objects_of(done, f"{self.store.url}/{self._key(part)}") or {})
        figures: dict[str, Any] = done["facts"]
        return figures

    def delete(self) -> None:
        """Forget all parts, of every generation: what is done again is done from the beginning."""
        self.store.delete(self.folder)

    @property
    def _ending(self) -> str:
        return f".{self.generation:06d}.json"

    def _key(self, part: str) -> str:
        if not SEGMENT.fullmatch(part):
            raise ValueError(f"part {part!r}: give letters, digits, _ and -")
        return f"{self.folder}/{part}{self._ending}"
