"""Searches of one survey, and what to say where they find nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import NoReturn

import shapely
from pydantic import ValidationError
from shapely.geometry.base import BaseGeometry

from minecover.errors import DataError, SurveyError
from minecover.geography.boundary import HALF_ROUND, WGS84
from minecover.geography.polygon_files import listed
from minecover.sources.catalog import in_ranges, item_time
from minecover.sources.item_document import Document, ItemError
from minecover.sources.links import redacted
from minecover.sources.manifest import ALWAYS, Item, UnusedItem
from minecover.sources.overpass import numbered
from minecover.sources.records import Records
from minecover.sources.settings import Collections

__all__ = ["Search"]

RIM = 0.02
"""Degrees around the area, two kilometres from north to south: more than any kernel looks."""

HALVES = ((0.0, -90.0, HALF_ROUND, 90.0), (-HALF_ROUND, -90.0, 0.0, 90.0))
"""Eastern and western half of the globe."""

NEARBY = 92
"""Days around a season in which an error message looks for dates."""


@dataclass(frozen=True)
class Search(Records):
    """Searches for one survey; see `Records`."""

    @cached_property
    def collections(self) -> dict[str, Document]:
        """Its collections by id."""
        return self.catalog.collections()

    @cached_property
    def bbox(self) -> tuple[float, float, float, float]:
        """West, south, east, north of the area in degrees."""
        return self.grid.wgs84_bounds()

    @cached_property
    def boxes(self) -> tuple[tuple[float, float, float, float], ...]:
        """Boxes that are searched: of an area across 180° one on either side."""
        west, _, east, _ = self.bbox
        if east - west <= HALF_ROUND:
            return (self.bbox,)
        area = self.grid.geometry(WGS84)
        sides = (area.intersection(shapely.box(*half)) for half in HALVES)
        return tuple(tuple(side.bounds) for side in sides if not side.is_empty)

    def _searched(self, collection: Collections, ranges: Sequence[str] = ()) -> Iterator[Document]:
        """Stream the items of one collection or several over all boxes, each once."""
        for name in _names(collection):
            seen = set[object]()
            for box in self.boxes:
                for raw in self.catalog.search(name, box, ranges):
                    if len(self.boxes) > 1:
                        if raw.get("id") in seen:
                            continue
                        seen.add(raw.get("id"))
                    yield raw

    @cached_property
    def ground(self) -> BaseGeometry:
        """The area in degrees, with the rim around it that kernels look at."""
        ground = self.grid.geometry(WGS84).buffer(RIM)
        shapely.prepare(ground)
        return ground

    def _is_near(self, raw: Document) -> bool:
        """Tell whether an item's rectangle touches the area, which its search box is wider than."""
        bounds = raw.get("bbox") or self.bbox
        west, south, east, north = bounds if len(bounds) == 4 else (*bounds[:2], *bounds[3:5])
        # across the antimeridian there is no such rectangle
        return west > east or bool(self.ground.intersects(shapely.box(west, south, east, north)))

    def items(
        self, source: str, collection: Collections, ranges: Sequence[str]
    ) -> Iterator[Document]:
        """Stream the items of one collection or several over the area.

        Raises
        ------
        SurveyError
            There is no such collection, or more than `catalog.max_items`.
        """
        unknown = [name for name in _names(collection) if name not in self.collections]
        if unknown:
            raise SurveyError(
                f"sources.{source}.collection: the catalog {redacted(self.catalog.url)} has no "
                f"collection {', '.join(map(repr, unknown))}; it has "
                f"{listed(sorted(self.collections)) or 'none'}{self._unreadable()}"
            )
        limit = self.settings.max_items
        found = filter(self._is_near, self._searched(collection, ranges))
        for count, raw in enumerate(found):
            if count >= limit:
                raise SurveyError(
                    f"catalog.max_items: {source} finds more than {limit} items of "
                    f"{_text(collection)} over the area; take a smaller area or shorter seasons, "
                    "or raise the limit"
                )
            yield raw

    def _unreadable(self) -> str:
        count = len(self.catalog.unreadable)
        first = next(iter(self.catalog.unreadable.values()), "")
        return f"; {count} of its documents cannot be read: {first}" if count else ""

    def items_by_season(
        self,
        source: str,
        collection: Collections,
        freeze: Callable[[Document], Item],
        is_usable: Callable[[Document], bool] = lambda raw: True,
        unusable: str = "unusable",
    ) -> list[Item]:
        """Find the usable items of a collection, with the seasons that they fall in.

        Parameters
        ----------
        source, collection
            Whose items, and where they are.
        freeze
            Makes an item of a document.
        is_usable
            Tells from a document whether its item is wanted.
        unusable
            What the others are, for the message where a season has no other.

        Raises
        ------
        SurveyError
            A season has no usable item.
        """
        ranges = [text for texts in self.seasons.values() for text in texts]
        found, dropped = [], dict.fromkeys(self.seasons, 0)
        # streamed: a province's documents do not fit into memory, what is kept of them does
        for raw in self.items(source, collection, ranges):
            names = self.seasons_of(raw)
            if not is_usable(raw):
                for name in names:
                    dropped[name] += 1
                continue
            item = self.frozen(source, raw, freeze, names)
            if item is not None:
                found.append(item.replace(seasons=names))
        for season in self.seasons:
            if not any(season in item.seasons for item in found):
                count = dropped[season]
                note = f" ({count} more are {unusable})" if count else ""
                self.refuse_empty(source, collection, season, note)
        return found

    def seasons_of(self, raw: Document) -> tuple[str, ...]:
        """Names of the seasons that an item falls in, none where it does not say when it was."""
        try:
            day = _day_of(raw)
        except ItemError:
            return ()
        return tuple(name for name, texts in self.seasons.items() if in_ranges(day, texts))

    def frozen(
        self,
        source: str,
        raw: Document,
        freeze: Callable[[Document], Item],
        seasons: tuple[str, ...] = (ALWAYS,),
    ) -> Item | None:
        """Freeze an item, or leave it out with its fault.

        Parameters
        ----------
        source, raw
            Whose item, and its document.
        freeze
            Makes an item of the document.
        seasons
            That it falls in, or (`ALWAYS`,); none: it does not say when it was.
        """
        try:
            if not seasons:
                item_time(raw)
            if "bbox" not in raw:
                raise ItemError(f"item {raw.get('id')}: bbox is missing; it says where the item is")
            return freeze(raw)
        except ItemError as fault:
            self.leave_out(source, raw, str(fault), seasons)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            reason = f"item {raw.get('id')}: {where}: {first['msg']}; correct the item"
            self.leave_out(source, raw, reason, seasons)
        return None

    def leave_out(
        self, source: str, raw: Document, reason: str, seasons: tuple[str, ...] = (ALWAYS,)
    ) -> None:
        """Note that an item, or a part of it, is not used, and why."""
        name, collection = str(raw.get("id")), raw.get("collection")
        named = collection if isinstance(collection, str) else None
        self.left_out.append(
            UnusedItem(source=source, id=name, collection=named, seasons=seasons, reason=reason)
        )

    def take_back(self, source: str, raw: Document) -> None:
        """Forget that an item was left out: it is used after all."""
        name = str(raw.get("id"))
        self.left_out[:] = [
            item for item in self.left_out if (item.source, item.id) != (source, name)
        ]

    def leave_out_unreadable(self) -> None:
        """Note the documents of the catalog that could not be read."""
        if "catalog" in vars(self):  # it was asked
            for place, reason in self.catalog.unreadable.items():
                self.left_out.append(UnusedItem(source="", id=redacted(place), reason=reason))

    def numbered(self, items: list[Item]) -> list[Item]:
        """Give each item the number of its overpass and its rank in it; see `overpass`."""
        return numbered(items, self.grid.crs)

    def refuse_empty(
        self, source: str, collection: Collections, season: str = "", note: str = ""
    ) -> NoReturn:
        """Say why there is no item: another place, other dates, or what `note` adds.

        Raises
        ------
        DataError
            There are items, all with a fault.
        SurveyError
            There are none.
        """
        faults = [
            item.reason
            for item in self.left_out
            if item.source == source and season in ("", *item.seasons)
        ]
        if faults:
            where = f"seasons.{season}: " if season else ""
            raise DataError(
                f"{where}{source} has no item of {_text(collection)} that can be used; "
                f"{len(faults)} left out{note}, the first: {faults[0]}"
            )
        ranges = self.seasons[season] if season else ()
        days = sorted(set(filter(None, map(_day_of_any, self._around(collection, ranges)))))
        if not season or not days:
            extents = [self.collections[name].get("extent", {}) for name in _names(collection)]
            boxes = [box for one in extents for box in one.get("spatial", {}).get("bbox", [])]
            raise SurveyError(
                f"area: it lies outside of the catalog: no item of {_text(collection)} touches it; "
                f"the area is {_degrees(self.bbox)}, the collection "
                f"{' and '.join(map(_degrees, boxes[:3])) or 'of unknown extent'} "
                "(west, south, east, north); change `area` or `catalog.url`"
                f"{self._unreadable()}"
            )
        raise SurveyError(
            f"seasons.{season}: {source} has no item of {_text(collection)} in {', '.join(ranges)}"
            f"{note}; over the area there is {listed(days)}; change the date ranges"
            f"{self._unreadable()}"
        )

    def _around(self, collection: Collections, ranges: Sequence[str]) -> list[Document]:
        wide = [_widened(text) for text in ranges]
        near = list(islice(self._searched(collection, wide), 300))
        return near or list(islice(self._searched(collection), 300))


def _names(collection: Collections) -> tuple[str, ...]:
    return (collection,) if isinstance(collection, str) else collection


def _text(collection: Collections) -> str:
    return ", ".join(_names(collection))


def _day_of(raw: Document) -> str:
    """Day of acquisition in UTC, as YYYY-MM-DD."""
    return item_time(raw).date().isoformat()


def _day_of_any(raw: Document) -> str:
    """Day of acquisition, empty where the item does not say it."""
    try:
        return _day_of(raw)
    except ItemError:
        return ""


def _widened(text: str) -> str:
    start, end = (dt.date.fromisoformat(part) for part in text.split("/"))
    margin = dt.timedelta(days=NEARBY)
    return f"{start - margin}/{end + margin}"


def _degrees(box: Sequence[float]) -> str:
    return ", ".join(f"{value:.3f}" for value in box)
