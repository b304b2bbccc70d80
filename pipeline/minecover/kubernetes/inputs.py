"""The survey and its files as pods see them."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from minecover.errors import SurveyError
from minecover.storage.location import file_parts, is_url
from minecover.survey import Survey, path_keys
from minecover.survey.profile import PROFILE_FILES

__all__ = ["INPUTS", "local_files", "pod_survey", "read_files", "survey_text"]

INPUTS = "/inputs"
"""Where a pod finds the files that the survey names."""

FILE_LIMIT = 700 * 1024
"""Bytes of files in a ConfigMap: it holds 1 MiB, and they grow by a third as base64."""


def local_files(survey: Survey) -> dict[str, Path]:
    """Files of this machine that the survey names: the name in a pod, and where it is.

    Raises
    ------
    SurveyError
        The catalog is a folder of this machine, or two files have one name.
    """
    if not is_url(survey.catalog.url):
        raise SurveyError(
            f"catalog.url: {survey.catalog.url} is on this machine, where pods do not see it; "
            "give the URL of a STAC API, or put the catalog where it has a URL"
        )
    files: dict[str, Path] = {}
    for place in _file_keys(survey):
        content, key = survey.model_dump(mode="json", exclude_unset=True), ".".join(map(str, place))
        value = _section(content, place).get(str(place[-1]))
        for path in _own_paths(value):
            if path.is_dir():
                raise SurveyError(
                    f"{key}: {path} is a folder, which no ConfigMap holds; save what "
                    "is in it as a GeoPackage"
                )
            for part in file_parts(path):
                known = files.setdefault(part.name, part)
                if known != part or not re.fullmatch(r"[-.\w]+", part.name, re.ASCII):
                    raise SurveyError(
                        f"{key}: {part}: pods find files by their name alone; rename "
                        "it to letters, digits, - . and _ that no other file of the survey has"
                    )
    return files


def _own_paths(value: str | list[str] | None) -> list[Path]:
    """Files of this machine that a key names: none, one, or a list of them."""
    given = value if isinstance(value, list) else [value]
    return [Path(one) for one in given if one is not None and not is_url(one)]


def read_files(files: dict[str, Path]) -> dict[str, str]:
    """Contents of the files in base64, by their name in a pod.

    Raises
    ------
    SurveyError
        A file cannot be read, or all together are larger than a ConfigMap.
    """
    try:
        contents = {name: files[name].read_bytes() for name in sorted(files)}
    except OSError as error:
        raise SurveyError(
            f"{error.filename}: cannot read this file of the survey: {error.strerror}; "
            "correct its path, or give --inputs-claim with a volume that holds it"
        ) from error
    size = sum(map(len, contents.values()))
    if size > FILE_LIMIT:
        raise SurveyError(
            f"{', '.join(contents)}: {size} bytes of files are too many for a ConfigMap "
            f"(at most {FILE_LIMIT}); copy them to a PersistentVolumeClaim and give its name by "
            "--inputs-claim"
        )
    return {name: base64.b64encode(content).decode() for name, content in contents.items()}


def pod_survey(survey: Survey, **engine: str | int | None) -> str:
    """Write the survey as YAML with paths as in a pod and the engine's settings replaced.

    What the survey leaves to its defaults is left to those of the image.
    """
    content = survey.model_dump(mode="json", exclude_unset=True)
    for place in _file_keys(survey):
        section, key = _section(content, place), str(place[-1])
        value = section.get(key)
        names = [f"{INPUTS}/{path.name}" for path in _own_paths(value)]
        if names:
            section[key] = names if isinstance(value, list) else names[0]
    return survey_text(content, engine)


def survey_text(content: dict[str, Any], engine: Mapping[str, str | int | None]) -> str:
    """Write a survey's sections as YAML, with settings of its engine replaced."""
    content = {**content, "engine": {**content.get("engine", {}), **engine}}
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)


def _file_keys(survey: Survey) -> list[tuple[str | int, ...]]:
    """Keys, and positions in lists, where a survey names files."""
    stores = {("store",), ("model", "carried_from"), ("change", "network", "carried_from")}
    elsewhere: set[tuple[str | int, ...]] = {("catalog", "url"), *stores}
    if not str(survey.catalog.profile).endswith(PROFILE_FILES):
        elsewhere.add(("catalog", "profile"))  # one of the package, which the image has
    model = survey.model
    places = path_keys(survey.sources, model.kind, model.options)
    return [place for place in places if place not in elsewhere]


def _section(content: Any, place: tuple[str | int, ...]) -> dict[str, Any]:  # noqa: ANN401
    """Find the mapping that holds the last key of `place`; an empty one where there is none."""
    for key in place[:-1]:
        content = (content[key] if isinstance(key, int) else content.get(key)) or {}
    found: dict[str, Any] = content
    return found
