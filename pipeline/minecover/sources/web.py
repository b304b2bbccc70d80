"""A STAC API, through pystac-client: it builds the requests and follows the pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import requests
from pystac import Link
from pystac_client import ItemSearch
from pystac_client.stac_api_io import StacApiIO

from minecover.errors import DataError, SurveyError, TryAgainError
from minecover.faults import PASSING_STATUSES
from minecover.sources.answers import Answer, OversizedError
from minecover.sources.documents import Documents, join, parse
from minecover.sources.item_document import Document, ItemError, links_of, tidied
from minecover.sources.links import redacted

__all__ = ["ApiCatalog"]

PAGES = (250, 100, 25, 5)
"""Items asked for at once: fewer where an API gives no more, or a gateway refuses the answer."""

TOO_LARGE = frozenset({413, 500, 502, 504, 507})
"""Statuses that gateways answer with in place of a page that is too large for them."""

INVALID = frozenset({400, 422})
"""Statuses of a request that an API does not take, as one for more items than it ever gives."""

EMPTY_PAGES = 10
"""Pages without any entry that are followed one after the other: some APIs filter what is on a page
already, and some link on beyond the last."""

WHOLE_DAYS = "{}T00:00:00Z/{}T23:59:59.999999Z"


class _PageTooLarge(Exception):  # noqa: N818 it never leaves this module
    """A page that is refused, maybe for its size; raised from what to say otherwise."""


class _BoundedIO(StacApiIO):  # type: ignore[misc]
    """Asks for the pages that list something, through what bounds answers and where they lead.

    Parameters
    ----------
    documents
        What asks.
    url
        Of the API.
    key
        Of the list in each page.
    """

    def __init__(self, documents: Documents, url: str, key: str) -> None:
        super().__init__(max_retries=None)
        self.documents, self.url, self.key = documents, url, key
        self.asked = url

    def read_text(self, source: Any, *args: Any, **kwargs: Any) -> str:  # noqa: ANN401
        """Ask for an address or a link, never for a file."""
        if isinstance(source, Link):
            text: str = super().read_text(source, *args, **kwargs)
            return text
        return self.request(str(source), *args, **kwargs)

    def get_pages(
        self, url: str, method: str | None = None, parameters: dict[str, Any] | None = None
    ) -> Iterator[Document]:
        """Follow the pages, of which one in between may be empty."""
        page, empty = self.read_json(url, method=method, parameters=parameters), 0
        while True:
            yield page
            empty = 0 if page[self.key] else empty + 1
            if not page["links"] or empty > EMPTY_PAGES:
                return
            page = self.read_json(Link.from_dict(page["links"][0]), parameters=parameters)

    def request(
        self,
        href: str,
        method: str | None = None,
        headers: dict[str, str] | None = None,
        parameters: dict[str, Any] | None = None,
    ) -> str:
        """Give the text of a page.

        Raises
        ------
        _PageTooLarge
            It is larger than documents may be, or a gateway may take it for that.
        SurveyError, TryAgainError
            It is refused, or the server does not answer.
        """
        self.asked = href
        try:
            if method == "POST":
                answer = self.documents.ask(href, parameters or {}, headers)
            else:
                address = requests.Request("GET", href, params=parameters).prepare().url or href
                answer = self.documents.ask(address, None, headers)
        except OversizedError as error:
            raise _PageTooLarge from error
        if 200 <= answer.status < 300:
            return answer.data.decode(errors="surrogateescape")
        refusal = _refusal(self.url, answer)
        if answer.status in TOO_LARGE or (answer.status in INVALID and b"limit" in answer.data):
            raise _PageTooLarge from refusal
        raise refusal

    def json_loads(self, txt: str, *_: object, **__: object) -> Document:
        """Parse a page; of its links that to the next page is left.

        Raises
        ------
        DataError
            It is none, or its next page is no request that is sent.
        """
        page = parse(txt.encode(errors="surrogateescape"), self.asked)
        if not isinstance(page.get(self.key), list):
            raise DataError(
                f"catalog: {redacted(self.asked)} gives no list of {self.key}; is "
                f"{redacted(self.url)} the address of a STAC API?"
            )
        following = (link for link in links_of(page) if link.get("rel") == "next")
        return {**page, "links": [_next(link, self.asked) for link in following][:1]}


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
        pages = _BoundedIO(self.documents, self.url, "collections").get_pages(address)
        try:
            for page in self._ending(pages, "collections"):
                yield from page
        except _PageTooLarge as error:
            raise error.__cause__ or error from None

    def _children(self) -> Iterator[Document]:
        for link in links_of(self._landing):
            if link.get("rel") == "child":
                yield self.documents.read(join(self.url, link["href"]))

    def _ending(self, pages: Iterator[Document], key: str) -> Iterator[list[Document]]:
        """Give what pages list, as long as one brings something that none brought before.

        Raises
        ------
        DataError
            The pages go on without end.
        """
        known = set[str]()
        for page in pages:
            entries = [entry for entry in page[key] if isinstance(entry, dict)]
            new = {repr(entry.get("id")) for entry in entries} - known
            if page[key] and not new:
                raise DataError(
                    f"catalog: {redacted(self.url)}: the next page of a search has the {key} of "
                    "those before; its links have no end. Tell the people who run it, or take a "
                    "static catalog of these items"
                )
            known |= new
            yield entries

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
    ) -> Iterator[Document]:
        """Pages of a search."""
        address = self._link("search", "POST")
        pages = _BoundedIO(self.documents, self.url, "features")
        found = ItemSearch(
            address or self._link("search") or self.url,
            method="GET" if address is None else "POST",
            stac_io=pages,
            collections=[collection],
            bbox=bbox,
            datetime=None if text is None else WHOLE_DAYS.format(*text.split("/")),
            limit=size,
        )
        return pages.get_pages(found.url, found.method, found.get_parameters())

    def _new_items(self, pages: Iterator[Document], seen: set[object]) -> Iterator[Document]:
        """Stream the items that were not seen yet."""
        for page in self._ending(pages, "features"):
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
            raise ItemError(
                f"catalog: {where}: {redacted(href)}: a remote catalog may name http(s) and s3 "
                "addresses only; `catalog.url` may be a copy of its items with others"
            )
        self.documents.reach.check(href, f"catalog: {where}")
        return href


def _refusal(url: str, answer: Answer) -> SurveyError | TryAgainError:
    said = redacted(answer.data.decode(errors="replace"))[:300]
    if answer.status in PASSING_STATUSES:
        return TryAgainError(
            f"catalog: {redacted(url)} does not answer ({answer.status}): {said}. Check the "
            "network and `catalog.url`; the same command resumes"
        )
    return SurveyError(
        f"catalog: {redacted(url)} refuses the request ({answer.status}): {said}; fix `catalog.url`"
    )


def _next(link: Document, asked: str) -> Document:
    """Give the link to the next page without what has the wrong shape.

    Raises
    ------
    DataError
        It is neither GET nor POST.
    """
    address, method = join(asked, link["href"]), link.get("method") or "GET"
    if method not in ("GET", "POST") or not address.startswith(("http://", "https://")):
        raise DataError(
            f"catalog: {redacted(asked)}: the next page is {str(method)[:20]} "
            f"{redacted(address)}; only GET and POST of http(s) addresses are sent"
        )
    headers, body = link.get("headers"), link.get("body")
    texts = headers.items() if isinstance(headers, dict) else ()
    return {
        "rel": "next",
        "href": address,
        "method": method,
        "headers": {str(name): value for name, value in texts if isinstance(value, str)},
        "body": body if isinstance(body, dict) else {},
        "merge": link.get("merge") is True,
    }
