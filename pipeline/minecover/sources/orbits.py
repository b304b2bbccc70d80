"""Orbits of radar items: which composite an overpass belongs to, where they are kept apart.

A slope that faces the radar is bright and one that faces away is dark, so that ascending and
descending overpasses see the walls of a pit differently, and each relative orbit has its own angle.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from minecover.sources.item_document import ItemError, number_in

if TYPE_CHECKING:
    from minecover.sources.item_document import Document
    from minecover.sources.manifest import Item

__all__ = ["Orbit", "is_of", "labelled", "of_orbit", "recorded_orbit", "with_orbit", "worded"]

Orbit = Literal["ascending", "descending"] | Annotated[int, Field(strict=True, ge=1)]
"""Direction of the overpass, or number of its relative orbit."""


def labelled(name: str, orbit: Orbit | None) -> str:
    """Name a layer or feature of an orbit: `VV_ascending`, `VV_orbit51`; None: `VV` of all."""
    if orbit is None:
        return name
    return f"{name}_orbit{orbit}" if isinstance(orbit, int) else f"{name}_{orbit}"


def worded(text: str, orbit: Orbit | None) -> str:
    """Add to a description which overpasses are meant."""
    if orbit is None:
        return text
    return f"{text}, {f'relative orbit {orbit}' if isinstance(orbit, int) else orbit}"


def recorded_orbit(raw: Document) -> tuple[str, int]:
    """Direction and number that an item records (`sat:*`); empty and 0 where it does not."""
    state = str(raw["properties"].get("sat:orbit_state", "")).lower()
    return state, int(number_in(raw["properties"].get("sat:relative_orbit")) or 0)


def with_orbit(item: Item, raw: Document, orbits: Sequence[Orbit]) -> Item:
    """Note the orbit of an item, where orbits are kept apart.

    Raises
    ------
    ItemError
        It does not record which it is.
    """
    state, number = recorded_orbit(raw) if orbits else ("", 0)
    lacking = [
        key
        for key, kind, value in (
            ("sat:orbit_state", str, state),
            ("sat:relative_orbit", int, number),
        )
        if not value and any(isinstance(orbit, kind) for orbit in orbits)
    ]
    if lacking:
        raise ItemError(
            f"item {item.id}: {' and '.join(lacking)} is missing, which says of which orbit it is; "
            f"add it to the item, or take `orbits` out of `sources.{item.source}`"
        )
    return item.replace(orbit_state=state, relative_orbit=number)


def is_of(orbit: Orbit | None, state: str, number: int) -> bool:
    """Tell whether an overpass of a direction and number is of an orbit; None: of any."""
    return orbit is None or orbit in (state, number)


def of_orbit(items: Iterable[Item], orbit: Orbit | None) -> tuple[Item, ...]:
    """Items of an orbit; None: all."""
    return tuple(i for i in items if is_of(orbit, i.orbit_state, i.relative_orbit))
