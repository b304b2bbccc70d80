"""The map page: static files that show a map from any web server that gives ranges of files.

The script is bundled when the package is built (`make page`), with the licences of what is in it.
An installation without it publishes all else and says so.
"""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import ClassVar

from minecover.errors import StoreError
from minecover.products.map_document import map_document, periods_of, write_outlines
from minecover.products.mine_history import MINE_HISTORY, MINE_LAYERS
from minecover.products.mine_layers import LAYER
from minecover.products.mines import MINES
from minecover.products.product import File, Product, Publication
from minecover.storage.canonical_json import canonical_json

__all__ = ["DOCUMENT", "MAP_PAGE", "PAGE", "bundled_files"]

FOLDER = "map"

PAGE, DOCUMENT, OUTLINES = f"{FOLDER}/index.html", f"{FOLDER}/layers.json", f"{FOLDER}/mines.json"

BUNDLED = {
    "index.html": "text/html",
    "page.css": "text/css",
    "page.js": "text/javascript",
    "LICENSES.txt": "text/plain",
}
"""Files of the package to their media types."""

MISSING = (
    "this installation of minecover has no pages to show: their scripts were not bundled when the "
    "package was built; run `make page` in the checkout, or install a wheel that has it"
)


def bundled_files(names: Iterable[str] = BUNDLED) -> dict[str, Path]:
    """Files of pages by name, as the package has them; else those of the map page.

    Raises
    ------
    StoreError
        They were not bundled.
    """
    folder = Path(str(resources.files("minecover.products").joinpath("bundle")))
    files = {name: folder / name for name in names}
    if not all(path.is_file() for path in files.values()):
        raise StoreError(MISSING)
    return files


class MapPage(Product[None]):
    """The page, what it reads, and the licences of its script."""

    name = "map_page"
    requires = ("landuse",)
    highlights: ClassVar[Mapping[str, str]] = {"map page": PAGE}

    def files(self, publication: Publication) -> tuple[File, ...]:
        """List them; none, with a warning, where the page was not bundled."""
        try:
            bundled_files()
        except StoreError as error:
            warnings.warn(f"{error}; the other products are published", stacklevel=2)
            return ()
        roles = ("metadata",)
        fixed = [
            File(
                f"{FOLDER}/{name}",
                "Map page" if name == "index.html" else f"{name} of the map page",
                media,
                "map-page" if name == "index.html" else None,
                ("overview",),
            )
            for name, media in BUNDLED.items()
        ]
        document = File(DOCUMENT, "Layers of the map page", "application/json", None, roles)
        outlines = [
            File(f"{FOLDER}/{name}", "Mines of the map page", "application/json", None, roles)
            for name in (Path(OUTLINES).name, *_mines_of_periods(publication).values())
        ]
        return (*fixed, document, *outlines)

    def write(self, publication: Publication, paths: Mapping[str, Path]) -> None:
        """Copy the page, and describe the map to it."""
        for name, path in bundled_files().items():
            shutil.copyfile(path, paths[f"{FOLDER}/{name}"])
        mines = Path(OUTLINES).name if MINES in publication else None
        followed = _mines_of_periods(publication) if MINE_HISTORY in publication else {}
        document = map_document(publication, mines=mines, mines_of_periods=followed)
        paths[DOCUMENT].write_bytes(canonical_json(document))
        source = publication.paths[MINES.file.name] if mines else None
        write_outlines(source, MINES.name, publication.grid, paths[OUTLINES])
        for period, name in _mines_of_periods(publication).items():
            source = publication.paths[MINE_LAYERS] if followed else None
            write_outlines(source, LAYER, publication.grid, paths[f"{FOLDER}/{name}"], period)


def _mines_of_periods(publication: Publication) -> dict[str, str]:
    """Name the file with the outlines of mines in each period, where there are several."""
    return {name: f"mines_{name}.json" for name in periods_of(publication)}


MAP_PAGE = MapPage()
