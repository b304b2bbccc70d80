"""Where items are looked up: a STAC API, or a static catalog in a folder, on the web, in a bucket.

Both answer the same questions (`Catalog`). What a catalog says is data, not trusted: documents
are bounded in size and number, a link or asset of a local catalog never leaves its folder, and a
remote catalog never names a local file.
"""

from __future__ import annotations

import datetime as dt
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote

from minecover.errors import DataError, SurveyError
from minecover.sources.documents import Documents, join
from minecover.sources.gdal import reading_error
from minecover.sources.item_document import Document, ItemError, links_of, tidied
from minecover.sources.links import redacted
from minecover.sources.reach import Reach
from minecover.sources.web import ApiCatalog
from minecover.sources.zarr_images import is_zarr
from minecover.storage.location import content_digest, is_url

__all__ = ["ADVICE", "Catalog", "StaticCatalog", "in_ranges", "item_time", "open_catalog"]

Bounds = tuple[float, float, float, float]

RASTER_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")
"""First bytes of TIFF, BigTIFF and JPEG 2000: what a local asset may be."""


ADVICE = "give the address of a STAC API (https://...) or the path of a catalog.json"
"""Where `catalog.url` cannot be read."""

MOST_UNREADABLE = 100
"""Documents that cannot be read before a search ends: a catalog that is broken, not damaged."""


class Catalog(Protocol):
    """A place that answers searches for items."""

    @property
    def url(self) -> str:
        """Where it is."""

    @property
    def unreadable(self) -> dict[str, str]:
        """Documents met so far that cannot be read, and why."""

    def collections(self) -> dict[str, Document]:
        """Give the collections by their id."""

    def search(
        self, collection: str, bbox: Bounds, ranges: Sequence[str] = ()
    ) -> Iterator[Document]:
        """Stream the items of a collection.

        Parameters
        ----------
        collection
            Its id.
        bbox
            West, south, east, north in degrees.
        ranges
            Date ranges `YYYY-MM-DD/YYYY-MM-DD`, both days included; none: any date.

        Yields
        ------
        dict
            The item as its document has it, tidied (`item_document`), the links of its assets
            joined to the document. One that does not say where or when it is, is among them.
        """

    def checked_href(self, item: Document, asset: str) -> str:
        """Link of an asset as the manifest keeps it, if it may be opened.

        Returns
        -------
        str
            Relative to the catalog's folder where the catalog is local, else a URL.

        Raises
        ------
        DataError
            The link leaves the catalog's folder, or (local) the file is missing or neither TIFF
            nor JPEG 2000.
        ItemError
            It is of a kind that is not opened, as gs:// or, from afar, a local file.
        """


def open_catalog(url: str, documents: Documents | None = None) -> Catalog:
    """Tell by its first document whether `url` is an API or a static catalog, and open it.

    Parameters
    ----------
    url
        Path or address.
    documents
        What reads it, and counts what is read.

    Raises
    ------
    SurveyError
        There is nothing at the address, or no STAC catalog.
    TryAgainError
        The server does not answer.
    """
    _refuse_folder(url)
    if not is_url(url):
        content_digest(url, "catalog.url", ADVICE)  # what cannot be read is told as by a run
    documents = documents or Documents(reach=Reach.of(url))
    document = documents.read(url)
    relations = {str(link.get("rel")) for link in links_of(document)}
    if _is_part_of_api(document, relations):
        raise SurveyError(
            f"catalog.url: {redacted(url)} is a part of a STAC API; give the address of the API "
            "itself, where its paths begin, and name collections in `sources`"
        )
    if "links" not in document or document.get("type", "Catalog") not in ("Catalog", "Collection"):
        raise SurveyError(
            f"catalog.url: {redacted(url)} is no STAC catalog; give the address of a STAC API "
            "or of a catalog.json"
        )
    if is_url(url) and "search" in relations:
        return ApiCatalog(url, documents)
    return StaticCatalog(url, documents)


def _is_part_of_api(document: Document, relations: set[str]) -> bool:
    """Tell whether a document is a collection of an API, or the list of them."""
    listed = "items" in relations and not {"item", "child"} & relations
    return "search" not in relations and ("collections" in document or listed)


def _refuse_folder(url: str) -> None:
    """Say what to give instead of a folder."""
    if is_url(url) or not os.path.isdir(url):
        return
    inside = Path(url) / "catalog.json"
    advice = (
        f"give {inside}"
        if inside.is_file()
        else f"make a catalog of its images by `minecover catalog from-files {url}`, and give "
        f"{inside}"
    )
    raise SurveyError(f"catalog.url: {url} is a folder; {advice}")


@dataclass(frozen=True)
class StaticCatalog:
    """A tree of JSON documents; one branch that cannot be read does not end the others."""

    url: str
    documents: Documents
    unreadable: dict[str, str] = field(default_factory=dict, compare=False)

    @cached_property
    def folder(self) -> Path | None:
        """The folder nothing leaves, or None where the catalog is remote."""
        return None if is_url(self.url) else Path(self.url).parent.resolve()

    def collections(self) -> dict[str, Document]:
        """Give the collections by their id; see `Catalog.collections`."""
        return {key: document for key, (_, document) in self._collections.items()}

    @cached_property
    def _collections(self) -> dict[str, tuple[str, Document]]:
        return {
            str(document.get("id")): (place, document)
            for place, document in self._tree(self.url)
            if document.get("type") == "Collection"
        }

    def _tree(self, start: str) -> Iterator[tuple[str, Document]]:
        waiting, seen = [start], {start}
        while waiting:
            place = waiting.pop(0)
            try:
                document = self.documents.read(place)
            except (DataError, SurveyError) as error:
                if place == start:
                    raise
                # another collection's branch, or this one's: told beside what was found
                self.unreadable[place] = str(error)
                continue
            yield place, document
            for child in self._links(place, document, "child"):
                if child not in seen:
                    seen.add(child)
                    waiting.append(child)

    def _links(self, place: str, document: Document, relation: str) -> Iterator[str]:
        for link in links_of(document):
            if link.get("rel") == relation:
                yield self._inside(join(place, link["href"]), place)

    def _inside(self, target: str, where: str) -> str:
        if self.folder is None:
            if not target.startswith(("http://", "https://", "s3://")):
                raise DataError(
                    f"catalog: {redacted(where)} links to {redacted(target)}, which is no remote "
                    "address"
                )
            self.documents.reach.check(target, f"catalog: {redacted(where)}")
            return target
        if is_url(target):
            raise DataError(
                f"catalog: {where} links to {redacted(target)}; a local catalog stays local"
            )
        return str(_contained(self.folder, _local(target), where))

    def search(
        self, collection: str, bbox: Bounds, ranges: Sequence[str] = ()
    ) -> Iterator[Document]:
        """Stream the items of a collection; see `Catalog.search`."""
        place, _ = self._collections[collection]
        seen = set[str]()
        for parent, branch in self._tree(place):
            for target in self._links(parent, branch, "item"):
                if target in seen:
                    continue
                seen.add(target)
                item = self._item(target)
                if item is not None and _overlaps(item, bbox) and _within(item, ranges):
                    yield item

    def _item(self, place: str) -> Document | None:
        """Read an item; one that cannot be read is noted, up to `MOST_UNREADABLE`."""
        try:
            return _joined(tidied(self.documents.read(place)), place)
        except (DataError, SurveyError) as error:
            self.unreadable[place] = str(error)
            if len(self.unreadable) <= MOST_UNREADABLE:
                return None
            raise DataError(
                f"catalog: {redacted(self.url)}: more than {MOST_UNREADABLE} of its documents "
                f"cannot be read, the last of them: {error}; write the catalog anew"
            ) from error

    def checked_href(self, item: Document, asset: str) -> str:
        """Link of an asset as the manifest keeps it; see `Catalog.checked_href`."""
        href = str(item["assets"][asset].get("href"))
        where = f"item {item.get('id')}, asset {asset}"
        if href.startswith(("http://", "https://", "s3://")):
            self.documents.reach.check(href, f"catalog: {where}")
            return href
        if self.folder is None or is_url(href):
            raise ItemError(
                f"catalog: {where}: {redacted(href)}: only http(s) and s3 addresses"
                f"{'' if self.folder is None else ' and files of the catalog folder'} are opened; "
                "give its https address, or take the item out of the catalog"
            )
        path = _contained(self.folder, _local(href), where)
        _check_raster(path, where)
        return path.relative_to(self.folder).as_posix()


def _local(link: str) -> Path:
    """Give the file of a link, which may be written as an address: %20 for a space."""
    written = "%" in link and not os.path.exists(link)
    return Path(unquote(link) if written else link)


def _contained(folder: Path, path: Path, where: str) -> Path:
    try:
        resolved = path.resolve()
    except (OSError, RuntimeError) as error:  # a name too long, links in a circle
        raise DataError(f"catalog: {where} points to {redacted(str(path))}: {error}") from error
    if not resolved.is_relative_to(folder):
        raise DataError(
            f"catalog: {where} points to {redacted(str(path))}, outside of the catalog's "
            f"folder {folder}; move the file into the folder and correct the link"
        )
    return resolved


def _check_raster(path: Path, where: str) -> None:
    if is_zarr(str(path)) and path.is_dir():
        return
    try:
        start = b""  # a pipe would be waited for, and a device read without end
        if stat.S_ISREG(path.stat().st_mode):
            with path.open("rb") as file:
                start = file.read(12)
    except OSError as error:
        raise reading_error(error, str(path), where) from error
    if not start.startswith(RASTER_MAGIC):
        raise DataError(f"catalog: {where}: {path} is neither a TIFF nor a JPEG 2000 file")


def _joined(item: Document, place: str) -> Document:
    for asset in item["assets"].values():
        asset["href"] = join(place, asset["href"])
    return item


def _overlaps(item: Document, bbox: Bounds) -> bool:
    """Tell whether an item may lie in a box: one that does not say where it is may."""
    box = item.get("bbox")
    if box is None:
        return True
    west, south, east, north = box if len(box) == 4 else (*box[:2], *box[3:5])
    if not (south <= bbox[3] and north >= bbox[1]):
        return False
    if west > east:  # across the antimeridian
        return bool(bbox[2] >= west or bbox[0] <= east)
    return bool(west <= bbox[2] and east >= bbox[0])


def _within(item: Document, ranges: Sequence[str]) -> bool:
    """Tell whether an item may fall into date ranges: one that does not say when it was may."""
    try:
        return not ranges or in_ranges(item_time(item).date().isoformat(), ranges)
    except ItemError:
        return True


def in_ranges(day: str, ranges: Sequence[str]) -> bool:
    """Tell whether a day falls into one of some date ranges, first and last day included."""
    return any(start <= day <= end for start, end in (text.split("/") for text in ranges))


def item_time(item: Document) -> dt.datetime:
    """Acquisition time of an item in UTC: `datetime`, or where that is null `start_datetime`.

    Raises
    ------
    ItemError
        It has neither.
    """
    properties = item.get("properties", {})
    text = properties.get("datetime") or properties.get("start_datetime")
    try:
        time = dt.datetime.fromisoformat(str(text))
        return time.astimezone(dt.UTC) if time.tzinfo else time.replace(tzinfo=dt.UTC)
    except (OverflowError, ValueError) as error:
        raise ItemError(
            f"item {item.get('id')}: datetime is {text!r}; it must be RFC 3339"
        ) from error
