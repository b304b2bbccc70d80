"""Make the catalog of a folder: find its images, describe them, and write the documents."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minecover.errors import DataError, SurveyError
from minecover.file_catalog.documents import catalog_of, collection_of, file_name, item_of
from minecover.file_catalog.eopf import is_store, scene_of_store
from minecover.file_catalog.hints import Hints
from minecover.file_catalog.images import scenes_of_images
from minecover.file_catalog.names import COLLECTIONS, OPTICAL, RADAR
from minecover.file_catalog.netcdf import converted
from minecover.file_catalog.numbers import with_numbers
from minecover.file_catalog.safe import is_product, scenes_of_product
from minecover.file_catalog.scene import Scene
from minecover.sources.sentinel2 import SCL

__all__ = ["FileCatalog", "build_catalog"]

DOCUMENTS = "stac"
"""Folder of the documents in the folder of the images."""

MARK = {"minecover:made_by": "catalog from-files"}
"""In a catalog that may be made anew."""

SECTIONS = {OPTICAL: ("sentinel2", "bands"), RADAR: ("sentinel1", "polarisations")}
"""Section of a survey's sources for a collection, and its key for the bands that the data has."""

RASTERS = (".tif", ".tiff", ".jp2")
NETCDF = (".nc", ".nc4")
USELESS = {
    ".zip": "unzip it: images are read where they lie, and not in archives",
    ".vrt": "write the images that it stands for as GeoTIFF (gdal_translate)",
    ".hdf": "write its bands as GeoTIFF (gdal_translate)",
}
"""Files that may hold images and cannot be read from a catalog, and what to do."""


@dataclass(frozen=True)
class FileCatalog:
    """What was found and written.

    Attributes
    ----------
    path
        `catalog.json`, which a survey names in `catalog.url`.
    scenes
        That became items, by collection and time.
    left_out
        Files that are in no item, and why.
    """

    path: Path
    scenes: tuple[Scene, ...]
    left_out: dict[Path, str]

    def notes(self) -> Iterator[str]:
        """Say what was left out, and what scenes lack for a survey."""
        for path, reason in self.left_out.items():
            names = (str(path), path.name, str(path.relative_to(self.path.parent)))
            named = reason.startswith(tuple(f"{name}{end}" for name in names for end in ": "))
            yield f"left out: {reason if named else f'{path}: {reason}'}"
        for collection in COLLECTIONS:
            scenes = [scene for scene in self.scenes if scene.collection == collection]
            there = self._bands(collection)
            wanted = [band for band in there if band != SCL]
            source, key = SECTIONS[collection]
            absent = [band for band in COLLECTIONS[collection] if band not in {*there, SCL}]
            if there and absent:
                yield (
                    f"no scene of {collection} has {', '.join(absent)}: say in the survey file "
                    f"`sources.{source}.{key}: [{', '.join(wanted)}]`"
                )
            lacking = [s for s in scenes if not set(wanted) <= set(s.images)]
            if lacking:
                missing = [band for band in wanted if band not in lacking[0].images]
                yield (
                    f"{len(lacking)} of {len(scenes)} scenes of {collection} lack a band and will "
                    f"be left out of a survey for it, the first: {lacking[0].id} without "
                    f"{', '.join(missing)}"
                )

    def section(self) -> str:
        """Give the part of a survey file that uses the catalog."""
        settings = {}
        for collection, (source, key) in SECTIONS.items():
            there, every = self._bands(collection), COLLECTIONS[collection]
            if not there:
                continue
            own = ["scl: null"] if SCL in every and SCL not in there else []
            if len(there) + len(own) < len(every):
                own.append(f"{key}: [{', '.join(band for band in there if band != SCL)}]")
            settings[source] = ", ".join(own)
        lines = [f"  {source}: {{{own}}}" for source, own in settings.items()]
        if list(settings.items()) == [(SECTIONS[OPTICAL][0], "")]:
            lines = []  # what every survey has
        return "\n".join(
            ["catalog:", f"  url: {self.path}", *(["sources:", *lines] if lines else [])]
        )

    def _bands(self, collection: str) -> list[str]:
        """Bands that any scene of a collection has, in their order."""
        there = {b for scene in self.scenes if scene.collection == collection for b in scene.images}
        return [band for band in COLLECTIONS[collection] if band in there]


def build_catalog(folder: Path, hints: Hints) -> FileCatalog:
    """Make a static STAC catalog of the images in a folder and below it.

    Parameters
    ----------
    folder
        Of the images; the catalog goes into it.
    hints
        What the files do not say.

    Raises
    ------
    SurveyError
        There is no such folder, another catalog in it, no image, or something that the files do
        not say and that is not to be guessed.
    DataError
        Two files are the same band of one scene.
    """
    path = folder / "catalog.json"
    _check_folder(folder, path)
    fresh = folder / f"{DOCUMENTS}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        scenes, left_out = _found(folder, fresh, hints)
        if not scenes:
            first = next(
                iter(left_out.values()), "there is no .tif, .jp2, .nc, .SAFE or .zarr in it"
            )
            raise SurveyError(f"{folder}: no scene was found ({len(left_out)} left out): {first}")
        _write(fresh, scenes)
        shutil.rmtree(folder / DOCUMENTS, ignore_errors=True)
        fresh.rename(folder / DOCUMENTS)
        names = {scene.collection for scene in scenes}
        _write_json(path, catalog_of(DOCUMENTS, sorted(names), MARK))
    except OSError as error:
        raise SurveyError(
            f"{error.filename or folder}: cannot write the catalog: {error.strerror}; it lies "
            "beside the images, in a folder that you may write to"
        ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return FileCatalog(path, tuple(scenes), left_out)


def _check_folder(folder: Path, path: Path) -> None:
    if not folder.is_dir():
        raise SurveyError(f"{folder}: there is no such folder; give that of the images")
    if path.exists():
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            document = {}
        if not isinstance(document, dict) or not MARK.items() <= document.items():
            raise SurveyError(
                f"{path}: there is a catalog already, of another maker; give it as `catalog.url`, "
                "or move it away"
            )
    elif (folder / DOCUMENTS).exists():
        raise SurveyError(f"{folder / DOCUMENTS}: the documents would go there; move it away")


def _found(folder: Path, fresh: Path, hints: Hints) -> tuple[list[Scene], dict[Path, str]]:
    """Find all scenes, in order of collection and time, and why a file is in none."""
    scenes, left_out, rasters = list[Scene](), dict[Path, str](), list[Path]()
    images = fresh / "images"
    for path in _files(folder, folder):
        try:
            if reason := _unreachable(path, folder):
                left_out[path] = reason
            elif is_product(path):
                scenes += scenes_of_product(path)
            elif is_store(path):
                scenes.append(scene_of_store(path))
            elif path.suffix.lower() in NETCDF:
                converted(path, images)
            elif path.suffix.lower() in RASTERS:
                rasters.append(path)
            elif path.suffix.lower() in USELESS:
                left_out[path] = USELESS[path.suffix.lower()]
        except DataError as fault:
            left_out[path] = str(fault)
    for root, paths in ((folder, rasters), (images, sorted(images.rglob("*.tif")))):
        found, without = scenes_of_images(root, paths, hints)
        scenes += found
        left_out |= without
    _refuse_double(scenes)
    scenes.sort(key=lambda scene: (scene.collection, scene.moment, scene.id))
    return with_numbers(scenes, hints), left_out


def _files(folder: Path, root: Path) -> Iterator[Path]:
    """Files in a folder and below, products and links as wholes, in the order of their names."""
    own = (root / DOCUMENTS, root / f"{DOCUMENTS}.new")
    for path in sorted(folder.iterdir()):
        if path in own or path.name.startswith("."):
            continue
        whole = is_product(path) or is_store(path)
        if path.is_dir() and not path.is_symlink() and not whole:
            yield from _files(path, root)
        else:
            yield path


def _unreachable(path: Path, root: Path) -> str | None:
    """Say why what lies in a folder is not looked at, if so."""
    if path.is_symlink() and path.is_dir():
        return "links to folders are not followed: give that folder itself, or move it here"
    if not path.resolve().is_relative_to(root.resolve()):
        return "it links to a file elsewhere: give that file's folder, or move the file here"
    if path.exists() and not (path.is_file() or path.is_dir()):
        return "it is no regular file"
    return None


def _refuse_double(scenes: Iterable[Scene]) -> None:
    known = dict[tuple[str, str], Scene]()
    for scene in scenes:
        other = known.setdefault((scene.collection, file_name(scene)), scene)
        if other is not scene:
            first, second = (next(iter(s.images.values())).path for s in (other, scene))
            raise DataError(f"{first} and {second}: both make the scene {scene.id}; rename one")


def _write(folder: Path, scenes: list[Scene]) -> None:
    for collection in COLLECTIONS:
        members = [scene for scene in scenes if scene.collection == collection]
        if not members:
            continue
        items = folder / collection / "items"
        items.mkdir(parents=True)
        documents = [item_of(scene, items / file_name(scene)) for scene in members]
        for scene, document in zip(members, documents, strict=True):
            _write_json(items / file_name(scene), document)
        _write_json(items.parent / "collection.json", collection_of(collection, members, documents))


def _write_json(path: Path, document: Any) -> None:  # noqa: ANN401
    part = path.with_name(f"{path.name}.part")
    part.write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")
    part.replace(path)
