"""Embeddings of the ground that a foundation model made: one vector a pixel and year.

Models such as AlphaEarth Foundations, TESSERA, Clay, Presto and OlmoEarth turn a year of images
into a vector for each pixel. They are read from files or items that the survey names; nothing is
downloaded by itself. Each of the vector's components is a layer, `embedding_00` and on.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from minecover.arrays import Float32Array
from minecover.errors import DataError, SurveyError
from minecover.layers import Layer, Variable
from minecover.settings import Section
from minecover.sources.bands import BAND, BAND_LISTS, asset_of
from minecover.sources.item_document import Document
from minecover.sources.links import unsigned
from minecover.sources.settings import year_of
from minecover.sources.source import Scenes, Source

if TYPE_CHECKING:
    from minecover.sources.embedding_values import Decoding
    from minecover.sources.manifest import Asset, Item
    from minecover.sources.search import Search

__all__ = ["Embeddings", "EmbeddingsSettings"]

PART = 256
"""Pixels along the edge of what is composed at once: all components of it are read together."""


class EmbeddingsSettings(Section):
    """Embeddings of a foundation model, of one year: a vector of many components for each pixel."""

    files: str | tuple[str, ...] | None = Field(
        None,
        description="a raster whose bands are the components, or several: GeoTIFF, or an array "
        "(band, y, x) or (time, band, y, x) of a Zarr store, as store.zarr/utm49/embeddings",
    )
    years: tuple[int, ...] | None = Field(
        None, description="year of each file; null: the files say it (an axis of time) or have none"
    )
    collection: str | None = Field(None, description="STAC collection instead of files")
    asset: str = Field("embeddings", description="asset of an item that has the components")
    bands: int = Field(ge=2, le=4096, description="components of a vector: 64, 128 and so on")
    encoding: Literal["none", "alphaearth", "tessera"] = Field(
        "none",
        description="how the numbers become values: none: number * scale + offset of the file; "
        "alphaearth: sign(n) (n / 127.5)^2 of int8, -128 is nodata; tessera: number * the "
        "pixel's own scale",
    )
    scales: str | tuple[str, ...] | None = Field(
        None, description="tessera: of each file the raster of its pixels' scales; of a collection "
        "the asset"
    )  # fmt: skip
    year: int | None = Field(
        None, description="year that is read; null: that in which most days of the seasons lie"
    )
    agreement: float = Field(
        0.7,
        ge=-1,
        le=1,
        description="refuse two files whose vectors agree less than this where they meet: 1 is "
        "equal, 0 unrelated; -1 refuses none",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.collection is None) == (self.files is None):
            raise ValueError("give either `files` or `collection`")
        if (self.encoding == "tessera") != (self.scales is not None):
            raise ValueError("`scales` goes with `encoding: tessera`, and only with it")
        lists = {"years": self.years, "scales": self.scales if self.files is not None else None}
        for key, given in lists.items():
            if given is not None and len(_listed(given)) != len(_listed(self.files or ())):
                raise ValueError(f"`{key}` has {len(_listed(given))} entries; give one for each "
                                 f"of the {len(_listed(self.files or ()))} `files`")  # fmt: skip
        return self


class Embeddings(Source[EmbeddingsSettings]):
    """Vectors of a foundation model."""

    name = "embeddings"
    label = "embeddings"
    settings_type = EmbeddingsSettings
    extra = True
    path_keys = ("files", "scales")
    native_pixels = 64.0
    files_per_item = 64

    def own_files(self) -> dict[str, str]:
        """Files that its section names: of the vectors, and of their scales."""
        if self.settings.files is None:
            return {}
        named = {"files": self.settings.files, "scales": self.settings.scales or ()}
        return {
            self._key(key, n): path
            for key, paths in named.items()
            for n, path in enumerate(_listed(paths))
        }

    def layers(self) -> tuple[Layer, ...]:
        """One layer for each component."""
        count = self.settings.bands
        digits = max(2, len(str(count - 1)))
        variable = Variable("embedding", "embedding of a foundation model", "component")
        names = (f"embedding_{n:0{digits}}" for n in range(count))
        return tuple(
            Layer(
                name, self.name, "embedding", "1", False,
                f"component {n} of an embedding of {count}", name, None, variable,
            )
            for n, name in enumerate(names)
        )  # fmt: skip

    def find(self, search: Search) -> list[Item]:
        """Find the files or items of the year, and hold neighbours against each other."""
        from minecover.sources.embedding_seams import check_seams  # imports libraries of rasters

        year = self.settings.year or year_of(search.seasons)
        items = (
            self._of_files(search, year)
            if self.settings.collection is None
            else self._of_items(search, year, self.settings.collection)
        )
        check_seams(search, items, self._decoding, self.settings.agreement)
        return items

    def compose(self, scenes: Scenes) -> Float32Array | tuple[Float32Array, ...]:
        """Bilinear mean of all files, in parts; see `Source.compose`."""
        from minecover.sources.embedding_values import mean_vectors

        shape, decoding = scenes.window.shape, self._decoding
        room = scenes.room or tuple(np.empty((self.settings.bands, *shape), np.float32))
        for window in scenes.window.parts(PART):
            part = scenes.part(window)
            values = mean_vectors(part.reader, part.items, part.target, decoding)
            rows, columns = window.within(scenes.window).slices
            for layer, image in zip(room, values, strict=True):
                layer[rows, columns] = image
        return room

    @property
    def _decoding(self) -> Decoding:
        from minecover.sources.embedding_values import Decoding

        return Decoding(self.settings.encoding, tuple(layer.name for layer in self.layers()))

    def _key(self, key: str, n: int) -> str:
        """Key of a file in the survey: numbered where there is a list of them."""
        return f"sources.{self.name}.{self._setting(key, n)}"

    def _setting(self, key: str, n: int) -> str:
        return key if isinstance(getattr(self.settings, key), str) else f"{key}.{n}"

    def _of_files(self, search: Search, year: int) -> list[Item]:
        """Freeze those files of a year that touch the area."""
        files, years = _listed(self.settings.files or ()), self.settings.years
        chosen = [n for n in range(len(files)) if years is None or years[n] == year]
        if not chosen:
            self._refuse_year(year, sorted(set(years or ())), f"sources.{self.name}.years")
        from minecover.sources.records import OutsideError

        found: list[Item] = []
        outside: list[OutsideError] = []
        for n in chosen:
            try:
                found.append(self._of_file(search, n, year))
            except OutsideError as error:
                outside.append(error)
        if not found:
            raise outside[0]
        return found

    def _of_file(self, search: Search, n: int, year: int) -> Item:
        path, key = _listed(self.settings.files or ())[n], self._key("files", n)
        header, count = search.own_header(key), self.settings.bands
        known = header.years or (year,)
        if year not in known:
            self._refuse_year(year, known, f"{key}: {path}")
        if len(header.bands) != count * len(known):
            each = len(header.bands) // len(known)
            raise DataError(
                f"{key}: {path} has {each} bands, `sources.{self.name}.bands` says {count}: it is "
                "of another model, or of another version of it; correct the number, or the file"
            )
        names, start = self._decoding.names, known.index(year) * count + 1
        item = search.own_file(
            self.name, self._setting("files", n), names[0], header=header,
            name=_file_name(n, path), band=start,
        )  # fmt: skip
        first = item.assets[names[0]]
        assets = {layer: first.replace(band=band) for band, layer in enumerate(names, start)}
        if self.settings.scales is not None:
            assets |= self._scales(search, n, year)
        return item.replace(assets=assets, datetime=f"{year}-01-01T00:00:00+00:00")

    def _scales(self, search: Search, n: int, year: int) -> dict[str, Asset]:
        """Freeze the raster of the scales of a file."""
        from minecover.sources.embedding_values import SCALES

        header = search.own_header(self._key("scales", n))
        band = header.years.index(year) + 1 if year in header.years else None
        scales = search.own_file(
            self.name, self._setting("scales", n), SCALES, header=header, band=band
        )
        return scales.assets

    def _of_items(self, search: Search, year: int, collection: str) -> list[Item]:
        """Freeze the items of a year."""
        advice = f"name the right one in `sources.{self.name}.asset`"

        def freeze(raw: Document) -> Item:
            key = self._asset(raw, self.settings.asset, advice)
            first = search.asset(raw, key)
            assets = {
                name: first.replace(band=n) for n, name in enumerate(self._decoding.names, start=1)
            }
            if isinstance(self.settings.scales, str):
                scales = asset_of(raw, "scales", (self.settings.scales,), advice)
                assets["scales"] = search.asset(raw, scales, 1.0)
            return search.item(self.name, raw, assets)

        from minecover.sources.catalog import item_time

        ranges = (f"{year}-01-01/{year}-12-31",)
        documents = list(search.items(self.name, collection, ranges))
        if not documents:
            known = {item_time(raw).year for raw in search.items(self.name, collection, ())}
            if not known:
                search.refuse_empty(self.name, collection)
            self._refuse_year(year, sorted(known), f"sources.{self.name}.collection: {collection}")
        items = [item for raw in documents if (item := search.frozen(self.name, raw, freeze))]
        if not items:
            search.refuse_empty(self.name, collection)
        return items

    def _asset(self, raw: Document, name: str, advice: str) -> str:
        """Make the first band of an asset one of its own, as one of several bands is read."""
        present = raw.get("assets", {})
        if name not in present:
            return asset_of(raw, "embeddings", (name,), advice)  # refuses it
        key = f"{name}#1"
        own = {field: value for field, value in present[name].items() if field not in BAND_LISTS}
        present[key] = {**own, BAND: 1}
        return key

    def _refuse_year(self, year: int, known: Sequence[object], where: str) -> None:
        raise SurveyError(
            f"{where} has {', '.join(map(str, known)) or 'no year'}, and not {year}, in which most "
            f"days of the seasons lie; add that year, or set `sources.{self.name}.year`"
        )


def _file_name(n: int, path: str) -> str:
    """Id of the item that is made of a file."""
    return f"{n:03} {PurePosixPath(unsigned(path)).name}"


def _listed(given: str | Sequence[object]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(map(str, given))
