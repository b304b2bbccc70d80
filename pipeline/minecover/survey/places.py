"""Where a survey names files, folders and addresses; relative paths in it are the file's."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from minecover.errors import SurveyError
from minecover.models.registry import MODELS
from minecover.models.settings import ModelSettings, default_kind
from minecover.sources.registry import SOURCES
from minecover.storage.location import is_url
from minecover.survey.profile import PROFILE_FILES

__all__ = ["anchored", "path_keys"]

LONGEST_NAME = 255
"""Bytes of the name of a file or folder on most file systems."""


def path_keys(
    sources: Iterable[str], kind: str, options: Mapping[str, Any]
) -> Iterator[tuple[str | int, ...]]:
    """Give the keys, and positions in lists, where a survey names files, folders and addresses.

    Parameters
    ----------
    sources
        Names of its sources.
    kind, options
        Name of its kind of model, and the options of that.
    """
    yield from (("area", "path"), ("catalog", "url"), ("catalog", "profile"))
    for name in sources:
        yield from (("sources", name, key) for key in SOURCES[name].path_keys)
    yield ("samples", "path")
    yield from (("model", key) for key in ModelSettings.FILES)
    yield ("model", "regions", "path")
    yield from (("model", "options", *place) for place in MODELS[kind].path_places(options))
    yield from (("change", "network", key) for key in ("reference", "carried_from"))
    yield from (("registers", kind, "path") for kind in ("licences", "protected", "units"))
    yield from (("registers", "states"), ("store",))


def anchored(raw: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Take relative paths in a survey's sections, nested dictionaries, from a folder."""
    raw = {"store": "store", **raw}
    named, model = _part(raw, "sources"), _part(raw, "model")
    sources = [name for name in named if name in SOURCES] if isinstance(named, dict) else []
    kind, options = str(_part(model, "kind")), _part(model, "options")
    known, given = kind if kind in MODELS else default_kind(), isinstance(options, dict)
    for *parents, key in path_keys(sources, known, options if given else {}):
        section: Any = raw
        for parent in parents:
            section = _part(section, parent)
        value = _part(section, key)
        if key == "profile" and not str(value).endswith(PROFILE_FILES):
            continue  # one of this package
        if isinstance(value, list | tuple):  # of files of samples
            section[key] = [_anchored(item, folder) for item in value]
        elif value is not None:
            section[key] = _anchored(value, folder)
    return raw


def _part(section: object, key: str | int) -> Any:  # noqa: ANN401
    """Give what is at a key of a mapping, or at a position of a list; of anything else nothing."""
    if isinstance(section, dict):
        return section.get(key)
    return section[key] if isinstance(section, list) and isinstance(key, int) else None


def _anchored(value: object, folder: Path) -> object:
    """Take a path from a folder; an address stays, and so does what validation will refuse."""
    if not isinstance(value, str) or is_url(value):
        return value
    if re.match(r"[a-z][a-z0-9+.-]+:/", value):  # of more than one letter: no drive of Windows
        scheme, _, rest = value.partition(":")
        raise SurveyError(
            f"{value!r} is no path; write it as {scheme}://{rest.lstrip('/')} if it is an address"
        )
    try:
        place = (folder / Path(value).expanduser()).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # no user of that name, a zero byte
        raise SurveyError(f"{value!r} is no path: {error}; correct it in the survey") from error
    for name in place.parts:
        if len(os.fsencode(name)) > LONGEST_NAME:
            raise SurveyError(
                f"'{name[:40]}...' in a path of the survey has {len(name)} characters, more than a "
                "file's name can have; correct it"
            )
    return str(place)
