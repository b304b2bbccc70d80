"""All products of a survey at once: they appear together, and only when each is whole."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyogrio.errors
from rasterio.errors import RasterioError

from minecover.errors import DataError, MinecoverError, StoreError
from minecover.products.product import File, Product, Publication
from minecover.products.registry import PRODUCTS, in_order
from minecover.storage.store import Store

__all__ = ["publish"]

FOLDER = "products"

NO_FILE = (OSError, RasterioError, pyogrio.errors.DataSourceError,
           pyogrio.errors.DataLayerError, pyogrio.errors.FeatureError)  # fmt: skip
"""What libraries raise that cannot write a file."""


def publish(store: Store, publication: Publication, names: Sequence[str]) -> list[str]:
    """Write products of a map.

    Parameters
    ----------
    store
        The products go to its ``products/``.
    publication
        What they are made from.
    names
        Of products in `PRODUCTS`.

    Returns
    -------
    Keys of the files in the store. Files of products that are not published any more are removed.

    Raises
    ------
    StoreError
        There is no space; what was published before stays as it was.
    DataError
        The map, or a product, is not what it should be.
    """
    products = in_order(names)
    files = {product.name: product.files(publication) for product in products}
    publication = replace(publication, files=_all_files(products, files))
    known = _published_before(store, publication)
    with ExitStack() as stack:
        # the first that is lent is the last to appear: the item, which describes all others
        lent = {
            file.name: stack.enter_context(store.writing_file(f"{FOLDER}/{file.name}"))
            for file in reversed(publication.files)
        }
        for product in products:
            paths = {file.name: lent[file.name] for file in files[product.name]}
            if paths:
                publication = _write(store, publication, product, paths)
    for name in known - lent.keys():
        store.remove(f"{FOLDER}/{name}")
    return [f"{FOLDER}/{file.name}" for file in publication.files]


def _all_files(
    products: Sequence[Product[Any]], files: dict[str, tuple[File, ...]]
) -> tuple[File, ...]:
    """List the files of all products; refuse a name or a key that is not one's own."""
    seen: dict[str, str] = {}
    for product in products:
        for file in files[product.name]:
            if not _is_plain(file.name):
                raise DataError(
                    f"product {product.name!r}: {file.name!r} is no plain file name, nor one in "
                    "one folder"
                )
            for what in (f"file {file.name}", *([f"asset {file.key}"] if file.key else [])):
                if what in seen:
                    raise DataError(
                        f"product {product.name!r}: {what} is there already, of product "
                        f"{seen[what]!r}; leave one of the two out of the survey's `products`"
                    )
                seen[what] = product.name
    return tuple(file for product in products for file in files[product.name])


def _is_plain(name: str) -> bool:
    """Tell whether a name stays under `products/`, at most one folder deep."""
    parts = name.split("/")
    return len(parts) <= 2 and all(
        part not in ("", ".", "..") and Path(part).name == part for part in parts
    )


def _published_before(store: Store, publication: Publication) -> set[str]:
    """Names of files that an earlier publication may have left.

    Other commands keep documents of their own in the same folder, so not all that is there counts.
    """
    item = store.read_json(f"{FOLDER}/item.json") or {"assets": {}}
    hrefs = [str(asset["href"]) for asset in item["assets"].values()]
    # the Zarr stores, which the item names too, lie elsewhere
    names = {href.removeprefix("./") for href in hrefs if not href.startswith("../")}
    own = (PRODUCTS[name].files(publication) for name in PRODUCTS.own_names())
    return names | {file.name for files in own for file in files}


def _write(
    store: Store, publication: Publication, product: Product[Any], paths: dict[str, Path]
) -> Publication:
    with _explained(store, product, next(iter(paths.values()))):
        result = product.write(publication, paths)
    for name, path in paths.items():
        if not path.is_file():
            raise DataError(f"product {product.name!r} did not write its file {name}")
    return publication.after(product, paths, result)


@contextmanager
def _explained(store: Store, product: Product[Any], path: Path) -> Iterator[None]:
    """Say which product failed, and how much space is left where a file could not be written."""
    try:
        yield
    except MinecoverError:
        raise
    except NO_FILE as error:
        free = shutil.disk_usage(path.parent).free / 1e6
        raise StoreError(
            f"{store.url}/{FOLDER}: product {product.name!r} cannot be written: "
            f"{error.__cause__ or error} ({free:,.0f} MB are free on that disk; if it is full, "
            "make room and run the same command again; what was published before is unchanged)"
        ) from error
    except Exception as error:
        place = PRODUCTS.place(product.name)
        error.add_note(f"in product {product.name!r} ({place}); what was published is unchanged")
        raise
