"""A STAC API, through pystac-client."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from functools import cached_property

import pystac_client
import requests
from pystac_client.conformance import ConformanceClasses
from pystac_client.exceptions import APIError
from pystac_client.stac_api_io import StacApiIO

from minecover.errors import DataError, MinecoverError, SurveyError, TryAgainError
from minecover.faults import Fault, classify
from minecover.sources.documents import TIMEOUT, bounded, join, retries
from minecover.sources.item_document import Document, tidied
from minecover.sources.links import redacted

__all__ = ["ApiCatalog"]

PAGES = (250, 100, 25, 5)
"""Items asked for at once: fewer where a gateway refuses an answer for its size."""

TOO_LARGE = frozenset({413, 500, 502, 504, 507})
"""Statuses that gateways answer with in place of a page that is too large for them."""


ANSWERS_AMISS = (APIError, AttributeError, KeyError, NotImplementedError, TypeError, ValueError)
"""What pystac-client raises for an answer that is refused, or is no answer of a STAC API."""


class _BoundedIO(StacApiIO):  # type: ignore[misc]
    """Answers are read piece by piece and no further than `MAX_BYTES`."""

    def __init__(self) -> None:
        super().__init__(timeout=TIMEOUT, max_retries=retries())
        self.session.hooks["response"].append(_bound)


def _bound(answer: requests.Response, **_: object) -> None:
    answer._content = bounded(answer)


class _PageTooLarge(Exception):  # noqa: N818 it never leaves this module
    """A page that a gateway refuses, maybe for its size."""

    def __init__(self, reason: Exception) -> None:
        super().__init__(str(reason))
        self.reason = reason


def _is_too_large(error: Exception) -> bool:
    refused = getattr(error, "status_code", None) in TOO_LARGE
    return refused or isinstance(error.__context__, DataError)


def _ending(pages: Iterator[Document], url: str) -> Iterator[list[Document]]:
    """Give the items of pages as long as one brings an item that none brought before.

    Raises
    ------
    DataError
        The pages go on without end.
    """
    known = set[object]()
    for page in pages:
        items = [item for item in page["features"] if isinstance(item, dict)]
        new = {item.get("id") for item in items} - known
        if not new:
            raise DataError(
                f"catalog: {redacted(url)}: the next page of a search has the items of those "
                "before; its links have no end. Tell the people who run it, or take a static "
                "catalog of these items"
            )
        known |= new
        yield items


class ApiCatalog:
    """A STAC API that can search items."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.unreadable: dict[str, str] = {}

    @cached_property
    def _client(self) -> pystac_client.Client:
        try:
            return pystac_client.Client.open(self.url, stac_io=_BoundedIO())
        except ANSWERS_AMISS as error:
            raise self._search_error(error) from error

    def collections(self) -> dict[str, Document]:
        """Give the collections by their id."""
        try:
            with warnings.catch_warnings():
                # an API without the collections class is asked for its child links instead
                warnings.simplefilter("ignore")
                return {str(found.get("id")): found for found in self._documents()}
        except ANSWERS_AMISS as error:
            raise self._search_error(error) from error

    def _documents(self) -> Iterator[Document]:
        """Give the collections as their documents are: an invalid one is nobody's but its own.

        Of an API without the collections class its child links are followed instead.
        """
        client = self._client
        if client.conforms_to(ConformanceClasses.COLLECTIONS) and client._stac_io is not None:
            for page in client._stac_io.get_pages(client._collections_href()):
                found = page.get("collections")
                if not isinstance(found, list):
                    raise APIError("/collections gives no list of collections")
                yield from (document for document in found if isinstance(document, dict))
        else:
            yield from (found.to_dict() for found in client.get_collections())

    def search(
        self, collection: str, bbox: tuple[float, float, float, float], ranges: Sequence[str] = ()
    ) -> Iterator[Document]:
        """Stream the items of a collection page by page; see `Catalog.search`."""
        seen = set[object]()
        for text in ranges or (None,):
            for size in PAGES:
                try:
                    yield from self._new_items(collection, bbox, text, size, seen)
                    break
                except _PageTooLarge as error:
                    if size == PAGES[-1]:
                        raise self._search_error(error.reason) from error.reason

    def _new_items(
        self,
        collection: str,
        bbox: tuple[float, float, float, float],
        text: str | None,
        size: int,
        seen: set[object],
    ) -> Iterator[Document]:
        """Stream the items that were not seen yet, in pages of a size."""
        window = None
        if text is not None:
            start, end = text.split("/")
            window = f"{start}T00:00:00Z/{end}T23:59:59.999999Z"
        try:
            found = self._client.search(
                collections=[collection], bbox=bbox, datetime=window, limit=size
            )
            for page in _ending(found.pages_as_dicts(), self.url):
                for item in map(tidied, page):
                    if item.get("id") not in seen:
                        seen.add(item.get("id"))
                        yield self._joined(item)
        except ANSWERS_AMISS as error:
            if _is_too_large(error):
                raise _PageTooLarge(error) from error
            raise self._search_error(error) from error

    def _joined(self, item: Document) -> Document:
        own = [link["href"] for link in item["links"] if link.get("rel") == "self"]
        for asset in item["assets"].values():
            asset["href"] = join(own[0] if own else self.url, asset["href"])
        return item

    def checked_href(self, item: Document, asset: str) -> str:
        """Link of an asset as the manifest keeps it; see `Catalog.checked_href`."""
        href = str(item["assets"][asset].get("href"))
        if not href.startswith(("http://", "https://", "s3://")):
            raise DataError(
                f"catalog: item {item.get('id')}, asset {asset}: {redacted(href)}: a remote "
                "catalog may name http(s) and s3 addresses only"
            )
        return href

    def _search_error(self, error: Exception) -> MinecoverError:
        if isinstance(error.__context__, MinecoverError):
            return error.__context__
        status = getattr(error, "status_code", None)
        if classify(error) is Fault.PASSING:
            return TryAgainError(
                f"catalog: {redacted(self.url)} does not answer: {redacted(str(error))[:300]}. "
                "Check the network and `catalog.url`; the same command resumes"
            )
        return SurveyError(
            f"catalog: {redacted(self.url)} refuses the request "
            f"({status or type(error).__name__}): {redacted(str(error))[:300]}; fix `catalog.url`"
        )
