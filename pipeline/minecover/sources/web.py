"""A STAC API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from minecover.errors import DataError, SurveyError, TryAgainError
from minecover.faults import PASSING_STATUSES
from minecover.sources.answers import OversizedError
from minecover.sources.documents import Documents, join, parse
from minecover.sources.item_document import Document, links_of, tidied
from minecover.sources.links import redacted

__all__ = ["ApiCatalog"]

PAGES = (250, 100, 25, 5)
"""Items asked for at once: fewer where a gateway refuses an answer for its size."""

TOO_LARGE = frozenset({413, 500, 502, 504, 507})
"""Statuses that gateways answer with in place of a page that is too large for them."""

WHOLE_DAYS = "{}T00:00:00Z/{}T23:59:59.999999Z"


class _PageTooLarge(Exception):  # noqa: N818 it never leaves this module
    """A page that a gateway refuses, maybe for its size; raised from what to say otherwise."""


@dataclass(frozen=True)
class _Request:
    """What is asked for: a body that is sent, or none."""

    url: str
    body: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)


class ApiCatalog:
    """A STAC API that can search items.

    Parameters
    ----------
    url
        Of its landing page.
    documents
        What reads its answers.
    """

    def __init__(self, url: str, documents: Documents | None = None) -> None:
        self.url, self.documents = url, documents or Documents()
        self.unreadable: dict[str, str] = {}

    @cached_property
    def _landing(self) -> Document:
        return self.documents.read(self.url)

    def _link(self, relation: str, method: str = "") -> str | None:
        """Address of the first link of a relation, of a method where one is wanted."""
        for link in links_of(self._landing):
            if link.get("rel") == relation and (not method or link.get("method") == method):
                return join(self.url, link["href"])
        return None

    def collections(self) -> dict[str, Document]:
        """Give the collections by their id."""
        address = self._link("data")
        # an API without the collections class has child links instead
        found = self._children() if address is None else self._listed(address)
        return {str(document.get("id")): document for document in found}

    def _listed(self, address: str) -> Iterator[Document]:
        try:
            for page in self._pages(_Request(address), "collections"):
                yield from page
        except _PageTooLarge as error:
            raise error.__cause__ or error from None

    def _children(self) -> Iterator[Document]:
        for link in links_of(self._landing):
            if link.get("rel") == "child":
                yield self.documents.read(join(self.url, link["href"]))

    def _pages(self, request: _Request | None, key: str) -> Iterator[list[Document]]:
        """Give what pages list, as long as one brings something that none brought before.

        Raises
        ------
        DataError
            The pages go on without end, or one lists nothing of the kind.
        """
        known = set[str]()
        while request is not None:
            page = self._page(request)
            found = page.get(key)
            if not isinstance(found, list):
                raise DataError(
                    f"catalog: {redacted(request.url)} gives no list of {key}; is "
                    f"{redacted(self.url)} the address of a STAC API?"
                )
            if not found:
                return
            entries = [entry for entry in found if isinstance(entry, dict)]
            new = {repr(entry.get("id")) for entry in entries} - known
            if not new:
                raise DataError(
                    f"catalog: {redacted(self.url)}: the next page of a search has the {key} of "
                    "those before; its links have no end. Tell the people who run it, or take a "
                    "static catalog of these items"
                )
            known |= new
            yield entries
            request = _next(page, request)

    def _page(self, request: _Request) -> Document:
        try:
            answer = self.documents.ask(request.url, request.body, request.headers)
        except OversizedError as error:
            raise _PageTooLarge from error
        if 200 <= answer.status < 300:
            return parse(answer.data, request.url)
        said = redacted(answer.data.decode(errors="replace"))[:300]
        refusal = (
            TryAgainError(
                f"catalog: {redacted(self.url)} does not answer ({answer.status}): {said}. Check "
                "the network and `catalog.url`; the same command resumes"
            )
            if answer.status in PASSING_STATUSES
            else SurveyError(
                f"catalog: {redacted(self.url)} refuses the request ({answer.status}): {said}; "
                "fix `catalog.url`"
            )
        )
        if answer.status in TOO_LARGE:
            raise _PageTooLarge from refusal
        raise refusal

    def search(
        self, collection: str, bbox: tuple[float, float, float, float], ranges: Sequence[str] = ()
    ) -> Iterator[Document]:
        """Stream the items of a collection page by page; see `Catalog.search`."""
        seen = set[object]()
        for text in ranges or (None,):
            for size in PAGES:
                try:
                    yield from self._new_items(self._query(collection, bbox, text, size), seen)
                    break
                except _PageTooLarge as error:
                    if size == PAGES[-1]:
                        raise error.__cause__ or error from None

    def _query(
        self, collection: str, bbox: Sequence[float], text: str | None, size: int
    ) -> _Request:
        query: dict[str, Any] = {"collections": [collection], "bbox": list(bbox), "limit": size}
        if text is not None:
            query["datetime"] = WHOLE_DAYS.format(*text.split("/"))
        address = self._link("search", "POST")
        if address is not None:
            return _Request(address, query)
        lists = {"collections": collection, "bbox": ",".join(map(repr, bbox))}
        return _Request(f"{self._link('search') or self.url}?{urlencode({**query, **lists})}")

    def _new_items(self, request: _Request, seen: set[object]) -> Iterator[Document]:
        """Stream the items that were not seen yet."""
        for page in self._pages(request, "features"):
            for item in map(tidied, page):
                if item["id"] not in seen:
                    seen.add(item["id"])
                    yield self._joined(item)

    def _joined(self, item: Document) -> Document:
        own = [link["href"] for link in item["links"] if link.get("rel") == "self"]
        for asset in item["assets"].values():
            asset["href"] = join(own[0] if own else self.url, asset["href"])
        return item

    def checked_href(self, item: Document, asset: str) -> str:
        """Link of an asset as the manifest keeps it; see `Catalog.checked_href`."""
        href, where = (
            str(item["assets"][asset].get("href")),
            f"item {item.get('id')}, asset {asset}",
        )
        if not href.startswith(("http://", "https://", "s3://")):
            raise DataError(
                f"catalog: {where}: {redacted(href)}: a remote catalog may name http(s) and s3 "
                "addresses only"
            )
        self.documents.reach.check(href, f"catalog: {where}")
        return href


def _next(page: Document, request: _Request) -> _Request | None:
    """Build the request of the next page; None where there is none.

    Raises
    ------
    DataError
        It is neither GET nor POST.
    """
    link = next((link for link in links_of(page) if link.get("rel") == "next"), None)
    if link is None:
        return None
    address, method = join(request.url, link["href"]), link.get("method") or "GET"
    if method not in ("GET", "POST") or not address.startswith(("http://", "https://")):
        raise DataError(
            f"catalog: {redacted(request.url)}: the next page is {str(method)[:20]} "
            f"{redacted(address)}; only GET and POST of http(s) addresses are sent"
        )
    given = link.get("headers")
    headers = {
        str(name): value
        for name, value in (given.items() if isinstance(given, dict) else ())
        if isinstance(value, str)
    }
    if method == "GET":
        return _Request(address, None, headers)
    sent = link.get("body")
    body: dict[str, Any] = sent if isinstance(sent, dict) else {}
    merged = {**(request.body or {}), **body} if link.get("merge") is True else body
    return _Request(address, merged, headers)
