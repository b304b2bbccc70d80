"""Profiles: what a provider calls things and where it keeps them, as part of a survey file.

A profile is a YAML file with the sections `catalog` and `sources`. What it says counts where the
survey itself says nothing, and of sources only for those that the survey has. It is read whenever
the survey is, so that a survey that is written again names the profile and not what is in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from minecover.errors import SurveyError
from minecover.settings import Frozen, given, read_yaml
from minecover.sources.registry import SOURCES

__all__ = ["PROFILE_FILES", "forget_profile", "profile_of", "profiles", "with_profile"]

PROFILE_FILES = (".yaml", ".yml")
"""Endings of profiles that are files of the survey's own."""

SECTIONS = ("catalog", "sources")

Sections = Mapping[str, Any]


@cache
def profiles() -> dict[str, str]:
    """Texts of the profiles of this package by name."""
    folder = resources.files("minecover.survey").joinpath("profiles")
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    return {file.name.removesuffix(".yaml"): file.read_text(encoding="utf-8") for file in files}


def profile_of(name: str) -> Sections:
    """Read a profile.

    Parameters
    ----------
    name
        Of a profile of this package, or of a YAML file.

    Raises
    ------
    SurveyError
        There is none of this name, or the file is none.
    """
    if name.endswith(PROFILE_FILES):
        sections = read_yaml(Path(name), f"catalog.profile: {name}")
    elif name in profiles():
        sections = yaml.safe_load(profiles()[name])
    else:
        raise SurveyError(
            f"catalog.profile: there is no {name!r}; there are {', '.join(profiles())}, and files "
            "of one's own, as provider.yaml"
        )
    parts = sections.values() if isinstance(sections, dict) else [None]
    if not isinstance(sections, dict) or not all(isinstance(part, dict) for part in parts):
        raise SurveyError(f"catalog.profile: {name}: give the sections catalog and sources")
    if not set(sections) <= set(SECTIONS):
        raise SurveyError(
            f"catalog.profile: {name}: a profile has the sections catalog and sources, and no "
            f"{', '.join(sorted(set(sections) - set(SECTIONS)))}"
        )
    return sections


def with_profile(sections: Sections) -> Sections:
    """Fill sections of a survey, as they were given, with what its profile says.

    Raises
    ------
    SurveyError
        There is no such profile.
    """
    name = _named(sections.get("catalog"))
    if name is None:
        return sections
    profile = profile_of(name)
    catalog = {**profile.get("catalog", {}), **given(sections["catalog"])}
    own = sections.get("sources") or {}
    if not isinstance(own, Mapping):
        return {**sections, "catalog": catalog}
    sources = {**own}
    for source, settings in profile.get("sources", {}).items():
        if sources.get(source) is not None or (source in SOURCES and _always_there(source, own)):
            sources[source] = _merged(settings, sources.get(source, {}))
    return {**sections, "catalog": catalog, "sources": sources}


def forget_profile(catalog: BaseModel, sources: Mapping[str, BaseModel]) -> None:
    """Count settings that are those of the profile for defaults: they are not written."""
    name = _named(catalog)
    if name is None:
        return
    profile = profile_of(name)
    for section, said in _pairs(profile, catalog, sources):
        now = section.model_dump(mode="json")
        # pydantic keeps the names of what was given in a set of its own
        section.model_fields_set.difference_update(
            key for key, value in said.items() if now.get(key) == value
        )


def _pairs(
    profile: Sections, catalog: BaseModel, sources: Mapping[str, BaseModel]
) -> Iterator[tuple[BaseModel, Sections]]:
    yield catalog, profile.get("catalog", {})
    for source, said in profile.get("sources", {}).items():
        if source in sources:
            yield sources[source], said


def _named(catalog: object) -> str | None:
    """Name of the profile in a section of the catalog, whatever it was given as."""
    known = given(catalog) if isinstance(catalog, Frozen | Mapping) else {}
    name = known.get("profile")
    return name if isinstance(name, str) else None


def _always_there(source: str, own: Sections) -> bool:
    return source not in own and SOURCES[source].required


def _merged(profile: Sections, own: object) -> object:
    """Put a survey's own settings of a source before those of its profile, assets one by one."""
    if not isinstance(own, Frozen | Mapping):
        return own  # validation says what is wrong
    known = given(own)
    both = {**profile, **known}
    assets = (profile.get("assets"), known.get("assets"))
    if all(isinstance(part, Mapping) for part in assets):
        both["assets"] = {**assets[0], **assets[1]}  # type: ignore[dict-item]
    return both
