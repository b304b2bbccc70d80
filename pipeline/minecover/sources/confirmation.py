"""Items as their files really are: records are held against headers before pixels are read."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from minecover.errors import MinecoverError
from minecover.sources.access import FileAccess
from minecover.sources.header import confirmed
from minecover.sources.item_document import ItemError
from minecover.sources.known_headers import known_header
from minecover.sources.locate import OWN
from minecover.sources.manifest import Asset, Item
from minecover.sources.native_reader import in_flight

__all__ = ["Confirmation"]


class Confirmation:
    """Holds the records of a manifest against the headers of the files, each once a process.

    The catalog's own files were confirmed when they were looked up; images far away are not opened
    by the thousand then, but here, by whoever is about to read them.

    Parameters
    ----------
    access
        How the files are reached.
    threads
        Headers on a disk that are read at once.
    """

    def __init__(self, access: FileAccess, threads: int = 1) -> None:
        self.access, self.threads = access, threads
        self._known: dict[Asset, Asset] = {}

    def __call__(self, items: Sequence[Item]) -> tuple[Item, ...]:
        """Give the items as they are read.

        Raises
        ------
        DataError
            A file is missing or damaged, or its item's record cannot be brought together with it.
        SurveyError
            A server rejects the credentials.
        TryAgainError
            A server does not answer.
        """
        wanted = [
            (item, key)
            for item in items
            for key, asset in item.assets.items()
            if asset not in self._known
        ]
        threads = self._threads(wanted)
        if threads == 1:
            found = list(map(self._confirm, wanted))
        else:
            with ThreadPoolExecutor(threads) as pool:
                found = list(pool.map(self._confirm, wanted))
        for (item, key), asset in zip(wanted, found, strict=True):
            self._known[item.assets[key]] = asset
        return tuple(self._replaced(item) for item in items)

    @property
    def by_header(self) -> int:
        """Files so far that were followed rather than their records, which had said otherwise."""
        return sum(found.note != asset.note for asset, found in self._known.items())

    def _threads(self, wanted: Sequence[tuple[Item, str]]) -> int:
        """Count the headers that are read at once: more where they are far away."""
        if not wanted:
            return 1
        item, key = wanted[0]
        place = self.access.locate(item.assets[key].href)
        return min(in_flight(place, self.threads), len(wanted))

    def _replaced(self, item: Item) -> Item:
        assets = {key: self._known[asset] for key, asset in item.assets.items()}
        return item if assets == item.assets else item.replace(assets=assets)

    def _confirm(self, wanted: tuple[Item, str]) -> Asset:
        item, key = wanted
        asset, where = item.assets[key], f"item {item.id}, asset {key}"
        place = self.access.locate(asset.href)
        try:
            header = known_header(
                place, asset.href, where, self.access.s3, own=asset.href.startswith(OWN)
            )
            return confirmed(asset, header, where)
        except ItemError:
            raise
        except MinecoverError as error:
            raise self.access.meaning(error, item, key) from error
