"""What an engine is: where tiles are worked on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from minecover.engines.base import Outcome, Work
from minecover.engines.settings import EngineSettings
from minecover.geography.grid import Tile

__all__ = ["Engine", "Spread"]


class Spread(Protocol):
    """Work on pieces of work that are no tiles, with a bounded number in flight."""

    def __call__(
        self,
        settings: EngineSettings,
        shared: Any,  # noqa: ANN401
        job_of: Callable[[Any], Callable[[Any], Any]],
        pieces: Iterable[Any],
    ) -> Iterator[tuple[Any, Any]]:
        """Call the job of each piece on what all share; give each piece with its result.

        Parameters
        ----------
        settings
            Workers, threads and addresses.
        shared
            Sent to every worker once.
        job_of
            Gives the job of a piece, when it is begun; it is called with what is shared.
        pieces
            In any order.
        """


@dataclass(frozen=True)
class Engine:
    """One engine.

    Attributes
    ----------
    name
        As surveys give it under `engine.tiles` and `engine.prediction`.
    run
        Works on tiles in any order, with a bounded number in flight; tiles are streamed, never
        held as a whole.
    start
        Seconds until workers take tiles.
    alone
        Whether it is this process alone, one tile at a time.
    address_key
        Setting with the address of a cluster that runs already; None: it has none.
    environment
        Variables that processes of a cluster need which is started by hand.
    spread
        Works on pieces of work that are no tiles; None: they are done in this process.
    """

    name: str
    run: Callable[[EngineSettings, Work, Iterable[Tile]], Iterator[Outcome]]
    start: float = 0.0
    alone: bool = False
    address_key: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    spread: Spread | None = None

    def address(self, settings: EngineSettings) -> str | None:
        """Address of the cluster that runs already, if the survey gives one."""
        if self.address_key is None:
            return None
        address: str | None = getattr(settings, self.address_key)
        return address
