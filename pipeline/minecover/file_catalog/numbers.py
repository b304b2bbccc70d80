"""How numbers of a scene become reflectance: as its files or a person say, never guessed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from minecover.errors import SurveyError
from minecover.file_catalog.hints import Hints
from minecover.file_catalog.names import OPTICAL
from minecover.file_catalog.scene import Image, Scene
from minecover.sources.digital_numbers import QUANTIFICATION
from minecover.sources.item_document import ItemError
from minecover.sources.sentinel2 import SCL

__all__ = ["with_numbers"]

ADDED = "earthsearch:boa_offset_applied"
"""Property that says that the offset is in the numbers already, whatever the baseline."""

BASELINE = "s2:processing_baseline"


def with_numbers(scenes: Iterable[Scene], hints: Hints) -> list[Scene]:
    """Record of optical scenes what turns their numbers into reflectance.

    Raises
    ------
    SurveyError
        Neither the files nor the person say it; all such scenes are counted.
    """
    found, faults = [], []
    for scene in scenes:
        try:
            found.append(_with_numbers(scene, hints) if scene.collection == OPTICAL else scene)
        except ItemError as fault:
            faults.append(str(fault))
    if faults:
        raise SurveyError(f"{faults[0]} ({len(faults)} of {len(found) + len(faults)} scenes)")
    return found


def _with_numbers(scene: Scene, hints: Hints) -> Scene:
    path = next(iter(scene.images.values())).path
    names = (scene.id, path.as_posix())
    offset = hints.offset_of(*names)
    baseline = scene.properties.get(BASELINE) or hints.baseline_of(*names) or _in_name(path)
    properties = dict(scene.properties) | ({BASELINE: baseline} if baseline else {})
    if offset == 0 and baseline is not None:
        properties[ADDED] = True
    images = {
        band: image if band == SCL else _image(image, offset, hints.scale, baseline, scene.id)
        for band, image in scene.images.items()
    }
    return replace(scene, images=images, properties=properties)


def _image(
    image: Image, offset: float | None, scale: float | None, baseline: str | None, scene: str
) -> Image:
    """Record scale and offset of an image, unless its product or baseline says them."""
    if image.scale is not None:
        return image
    header = image.header
    if header.data_type.startswith("float") and scale is None:
        raise ItemError(
            f"{scene}: its files hold {header.data_type}; say what a number of them is worth: "
            "`--scale 1` where they are reflectance of 0 to 1, `--scale 0.0001` where of 0 to 10000"
        )
    one = scale or QUANTIFICATION
    if offset is not None:
        return replace(image, scale=one, offset=offset * one)
    if (header.scale, header.offset) != (1.0, 0.0):
        return replace(image, scale=header.scale, offset=header.offset)
    if one == 1:
        return replace(image, scale=1.0, offset=0.0)
    if baseline is None:
        raise ItemError(
            f"{scene}: nothing says how its numbers become reflectance. Give the processing "
            "baseline, which products have in their names as N0510: `--baseline 05.10`; or the "
            "number to add to theirs: `--offset -1000` where they are as delivered from baseline "
            "04.00 (25 January 2022) on, `--offset 0` where they are older or the offset was added "
            "already; for some files as `--offset '2021*=0'`"
        )
    return image if scale is None else replace(image, scale=one)


def _in_name(path: object) -> str | None:
    """Find the processing baseline in the name of a product."""
    found = re.search(r"_N(\d\d)(\d\d)_", str(path))
    return f"{found[1]}.{found[2]}" if found else None
