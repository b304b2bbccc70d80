"""The store: one folder or bucket that holds everything a survey produces.

Objects appear whole or not at all, in a folder as in a bucket: obstore writes a file beside its
final place and renames it. Rasters are groups of Zarr v3 arrays, float32 with NaN as nodata, in
which **a tile is one shard of each array, and a shard is one object**; no reader ever sees half of
one, and the marker of a tile is written when all of its shards are there.
"""

from __future__ import annotations

import json
import re
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import UnionType

import obstore
import zarr
from obstore.exceptions import AlreadyExistsError, NotFoundError
from obstore.store import MemoryStore, ObjectStore

from minecover.errors import StoreError
from minecover.geography.grid import Grid
from minecover.storage.bucket import listed, open_store, retry, store_errors, with_retries
from minecover.storage.canonical_json import Json, canonical_json
from minecover.storage.checksums import Checksum, checksum, drop, note
from minecover.storage.damage import STAGES, described_arrays
from minecover.storage.layers import LAYERS, PERIODS, Layers, reach_store
from minecover.storage.location import is_url
from minecover.storage.metering import MeteredStore
from minecover.storage.names import LEDGER
from minecover.storage.raster_array import RasterArray
from minecover.storage.zarr_arrays import create_arrays

__all__ = ["Kind", "Layers", "Store"]

Kind = type | UnionType | re.Pattern[str]
"""Type of a value in a document, or how its text must be."""

PART = 5 * 2**20
"""Bytes of a part of a large file on its way to a bucket, at least."""


class Store:
    """Named JSON documents, files and layer rasters under one root.

    Parameters
    ----------
    url
        A local folder, or `s3://bucket/prefix` with endpoint and credentials in the environment
        (see `storage.s3`; they are never written anywhere).
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.root = open_store(url)

    def __reduce__(self) -> tuple[type[Store], tuple[str]]:
        return Store, (self.url,)

    @property
    def local_path(self) -> Path | None:
        """The folder, or None where the store is a bucket."""
        return None if is_url(self.url) else Path(self.url)

    def read(self, key: str) -> bytes | None:
        """Bytes of an object, or None where there is none."""
        with store_errors(f"{self.url}/{key}"):
            try:
                return retry(lambda: bytes(obstore.get(self.root, key).bytes()))
            except (NotFoundError, FileNotFoundError):
                return None

    def write(self, key: str, data: bytes) -> None:
        """Write an object whole, replacing what was there."""
        with_retries(f"{self.url}/{key}", lambda: obstore.put(self.root, key, data))
        reach_store(self.url, key)
        _note(key, [data])

    def create(self, key: str, data: bytes) -> bool:
        """Write an object only where there is none; tell whether this call was the one."""
        with store_errors(f"{self.url}/{key}"):
            try:
                retry(lambda: obstore.put(self.root, key, data, mode="create"))
            except AlreadyExistsError:
                return False
        reach_store(self.url, key)
        _note(key, [data])
        return True

    def read_json(self, key: str, needs: Mapping[str, Kind] | None = None) -> Json | None:
        """Parse a JSON object, or None where there is none.

        Parameters
        ----------
        key
            Where it is.
        needs
            Names that it must have, each with the kind of its value; None: it may be anything.

        Raises
        ------
        StoreError
            It is no JSON, or not what was written there.
        """
        data = self.read(key)
        if data is None:
            return None
        try:
            value = json.loads(data, parse_constant=_no_number)
        except (RecursionError, ValueError) as error:
            raise self.damaged(key, "no JSON") from error
        if needs is not None:
            if not isinstance(value, dict):
                raise self.damaged(key, "no JSON object")
            for name, kind in needs.items():
                if not _is_of(kind, value.get(name)):
                    raise self.damaged(key, f"nothing that can be its {name}")
        return value

    def damaged(self, key: str, reason: str) -> StoreError:
        """Say that a document is not what was written; `reason`: what it holds instead."""
        return StoreError(
            f"{self.url}/{key}: damaged, it holds {reason}; delete it and run again: what it "
            "vouched for is done again"
        )

    def write_json(self, key: str, value: Json) -> None:
        """Write a value as JSON with sorted keys, so that equal values are equal bytes."""
        self.write(key, canonical_json(value))

    def names(self, prefix: str) -> Iterator[str]:
        """Keys under a prefix, streamed."""
        return (key for key, _ in self.entries(prefix))

    def entries(self, prefix: str) -> Iterator[tuple[str, float]]:
        """Keys under a prefix with the time each was last written (Unix seconds), streamed."""
        with store_errors(f"{self.url}/{prefix}"):
            for item in listed(self.root, prefix):
                yield str(item["path"]), item["last_modified"].timestamp()

    def folders(self, prefix: str) -> list[str]:
        """Prefixes one step below a prefix."""
        where = f"{self.url}/{prefix}"
        found = with_retries(where, lambda: obstore.list_with_delimiter(self.root, prefix=prefix))
        return list(found["common_prefixes"])

    def delete(self, place: str) -> None:
        """Delete an object, or every object under a folder."""
        names = list(self.names(place)) or [place] * (self.read(place) is not None)
        for start in range(0, len(names), 1000):
            some = names[start : start + 1000]
            with_retries(f"{self.url}/{place}", partial(obstore.delete, self.root, some))
        drop(place.rstrip("/"))

    def remove(self, key: str) -> None:
        """Delete one object; it may be gone already."""
        with store_errors(f"{self.url}/{key}"), suppress(NotFoundError, FileNotFoundError):
            retry(lambda: obstore.delete(self.root, key))
        drop(key)

    def checksum(self, key: str) -> Checksum | None:
        """Read an object whole, part by part; None where there is none."""
        folder = self.local_path
        with store_errors(f"{self.url}/{key}"):
            try:
                if folder is None:
                    return retry(lambda: checksum(map(bytes, obstore.get(self.root, key))))
                return checksum(_parts(folder / key))
            except (NotFoundError, FileNotFoundError):
                return None

    @contextmanager
    def writing_file(self, key: str) -> Iterator[Path]:
        """Lend a path for a library that wants one; the file appears under `key` at the end.

        Nothing appears where the block raises. Large files go up in parts.
        """
        folder = self.local_path
        with (
            store_errors(f"{self.url}/{key}"),
            tempfile.TemporaryDirectory(prefix=".writing-", dir=folder) as scratch,
        ):
            path = Path(scratch) / Path(key).name
            yield path
            _note(key, _parts(path))
            if folder is None:
                # a bucket takes 10,000 parts
                part = max(PART, -(-path.stat().st_size // 9_000))
                retry(lambda: obstore.put(self.root, key, path, chunk_size=part))
                return
            target = folder / key
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
        reach_store(self.url, key)

    def layers(self, name: str, period: str | None = None) -> Layers:
        """Open a raster of named layers.

        Parameters
        ----------
        name
            As `cube.zarr`.
        period
            That is read; None: the latest of a raster that has periods.

        Raises
        ------
        StoreError
            It does not exist, or has no such period.
        """
        with described_arrays(self.url, name):
            try:
                group = retry(lambda: zarr.open_group(self.zarr(name), mode="r+"))
            except FileNotFoundError as error:
                stage = f'survey until "{STAGES[name]}"' if name in STAGES else "stage before"
                raise StoreError(f"{self.url}/{name}: not there; run the {stage}") from error
            layers = Layers(self.url, name, group)
            layers.check()
        latest = layers.periods[-1] if layers.periods else ""
        return layers.in_period(latest if period is None else period)

    def create_layers(
        self,
        name: str,
        grid: Grid,
        arrays: Sequence[RasterArray],
        attributes: Mapping[str, Json],
        periods: Sequence[str] = (),
        *,
        grow: bool = False,
    ) -> Layers:
        """Create a raster of named layers on the survey's grid; no pixel is written.

        Parameters
        ----------
        name
            As `cube.zarr`; what was there is deleted.
        grid
            Gives shape, CRS and the shard's edge.
        arrays
            What it is made of, in the order of the layers.
        attributes
            Kept in the group's attributes.
        periods
            Labels of the first dimension of all arrays; none: they have no such dimension.
        grow
            Keep the pixels of what was there: the same arrays, with fewer periods at the end.
        """
        known: dict[str, Json] = {PERIODS: list(periods)} if periods else {}
        layers = [[array.name, list(array.layers)] for array in arrays]

        def create(target: zarr.storage.ObjectStore[ObjectStore]) -> None:
            group = zarr.create_group(target, attributes={**attributes, **known, LAYERS: layers})
            create_arrays(group, grid, arrays, periods)
            with warnings.catch_warnings():
                # xarray looks for consolidated metadata and warns where there is none
                warnings.simplefilter("ignore", zarr.errors.ZarrUserWarning)
                zarr.consolidate_metadata(group.store)

        def create_here() -> None:
            self.delete(name)
            create(self.zarr(name))

        if grow:
            # as it is created: in memory, for Zarr would begin by deleting the pixels
            memory = MemoryStore()
            create(zarr.storage.ObjectStore(memory))
            keys = [str(item["path"]) for part in memory.list() for item in part]
            for key in sorted(keys, key=lambda key: (-key.count("/"), key)):  # its own record last
                self.write(f"{name}/{key}", bytes(obstore.get(memory, key).bytes()))
        else:
            with_retries(f"{self.url}/{name}", create_here)
            reach_store(self.url, name)
        return self.layers(name)

    def zarr(self, name: str) -> MeteredStore:
        """Give a raster as Zarr's own functions, and those of xarray, take it."""
        return MeteredStore(open_store(f"{self.url}/{name}"))


def _no_number(text: str) -> float:
    """Refuse NaN and infinities, which are never written."""
    raise ValueError(f"{text} is no number of JSON")


def _is_of(kind: Kind, value: Json) -> bool:
    if isinstance(kind, re.Pattern):
        return isinstance(value, str) and kind.fullmatch(value) is not None
    return isinstance(value, kind)


def _note(key: str, parts: Iterable[bytes]) -> None:
    """Note what was written; the ledger itself changes all the time."""
    if not key.startswith(f"{LEDGER}/"):
        note(key, parts)


def _parts(path: Path) -> Iterator[bytes]:
    """Read a file part by part, when the first is asked for."""
    with path.open("rb") as file:
        yield from iter(partial(file.read, PART), b"")
