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
from minecover.sources.documents import MAX_BYTES, TIMEOUT, join, retries, too_large
from minecover.sources.item_document import Document, tidied
from minecover.sources.links import redacted

__all__ = ["ApiCatalog"]

PAGE = 250
"""Items asked for at once."""


class _BoundedIO(StacApiIO):  # type: ignore[misc]
    """Answers are read piece by piece and no further than `MAX_BYTES`."""

    def __init__(self) -> None:
        super().__init__(timeout=TIMEOUT, max_retries=retries())
        self.session.hooks["response"].append(_bound)


def _bound(answer: requests.Response, **_: object) -> None:
    if int(answer.headers.get("content-length") or 0) > MAX_BYTES:
        raise too_large(answer.url)
    data = bytearray()
    for piece in answer.iter_content(2**20):
        data += piece
        if len(data) > MAX_BYTES:
            raise too_large(answer.url)
    answer._content = bytes(data)


class ApiCatalog:
    """A STAC API that can search items."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.unreadable: dict[str, str] = {}

    @cached_property
    def _client(self) -> pystac_client.Client:
        try:
            return pystac_client.Client.open(self.url, stac_io=_BoundedIO())
        except (APIError, ValueError, KeyError, TypeError) as error:
            raise self._search_error(error) from error

    def collections(self) -> dict[str, Document]:
        """Give the collections by their id."""
        try:
            with warnings.catch_warnings():
                # an API without the collections class is asked for its child links instead
                warnings.simplefilter("ignore")
                return {str(found.get("id")): found for found in self._documents()}
        except (APIError, AttributeError, KeyError, TypeError, ValueError) as error:
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
        seen = set()
        for text in ranges or (None,):
            for item in self._items(collection, bbox, text):
                if item.get("id") not in seen:
                    seen.add(item.get("id"))
                    yield item

    def _items(
        self, collection: str, bbox: tuple[float, float, float, float], text: str | None
    ) -> Iterator[Document]:
        window = None
        if text is not None:
            start, end = text.split("/")
            window = f"{start}T00:00:00Z/{end}T23:59:59.999999Z"
        try:
            found = self._client.search(
                collections=[collection], bbox=bbox, datetime=window, limit=PAGE
            )
            for item in found.items_as_dicts():
                yield self._joined(tidied(item))
        except (
            APIError,
            AttributeError,
            KeyError,
            NotImplementedError,
            TypeError,
            ValueError,
        ) as error:
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
