"""Areas, points and regions that are in memory, kept as files beside the results.

A survey names files: its fingerprints are of their content, and workers and later runs read them.
What is in memory is therefore written once, as GeoParquet under a hash of its content, to the
folder `inputs` of the survey's store.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from minecover.api.sections import is_in_memory, located, refused
from minecover.errors import SurveyError
from minecover.geography.polygon_files import listed
from minecover.samples.settings import SampleSettings
from minecover.samples.validity import time_columns
from minecover.storage.location import is_url
from minecover.storage.names import INPUTS_FOLDER
from minecover.storage.store import Store
from minecover.survey import Survey

__all__ = ["Input", "moved_inputs", "take_inputs"]

Values = dict[str, Any]

PLACES = (("area",), ("samples",), ("model", "regions"))
"""Sections whose `path` may be in memory."""


@dataclass(frozen=True, eq=False)
class Input:
    """What is in memory, with what is needed of it.

    Attributes
    ----------
    argument
        That gave it.
    frame
        Its geometries, and the columns that the survey names.
    """

    argument: str
    frame: gpd.GeoDataFrame

    @property
    def key(self) -> str:
        """Name in the store: equal for equal content."""
        digest = hashlib.sha256(self.frame.crs.to_wkt().encode())
        for geometry in shapely.to_wkb(self.frame.geometry.to_numpy(), byte_order=1):
            digest.update(b"-" if geometry is None else geometry)
        for name in self.frame.columns.drop(self.frame.geometry.name):
            digest.update(f"{name}:{self.frame[name].tolist()}".encode())
        return f"{INPUTS_FOLDER}{self.argument}-{digest.hexdigest()[:16]}.parquet"

    def write(self, store: str) -> None:
        """Write it to a store, unless it is there."""
        path = Path(store) / self.key
        if not path.exists():
            with Store(store).writing_file(self.key) as scratch:
                self.frame.to_parquet(scratch, index=False)


def take_inputs(values: Values, store: str) -> Iterator[Input]:
    """Take what is in memory out of the sections of a survey, and name its files there.

    Parameters
    ----------
    values
        Sections as nested dictionaries, which are changed.
    store
        The survey's.

    Raises
    ------
    SurveyError
        It has no CRS, is empty, lacks a column that the survey needs, or the store is no folder.
    """
    for place in PLACES:
        section: Any = values
        for key in place:
            section = section.get(key) if isinstance(section, dict) else None
        path = section.get("path") if isinstance(section, dict) else None
        if path is None or isinstance(path, str) or _are_names(path):
            continue
        if not is_in_memory(path):
            raise refused(place[-1], path)
        found = Input(place[-1], _frame(place[-1], section))
        if is_url(store):
            raise SurveyError(
                f"{'__'.join(place)}: what is in memory is kept beside the results, and the store "
                f"{store} is no folder; write it to a file that all workers see, by to_parquet, "
                "and give its path"
            )
        section["path"] = os.path.join(store, found.key)
        yield found


def _are_names(value: object) -> bool:
    """Tell whether a value is a list of names of files."""
    return isinstance(value, list | tuple) and all(isinstance(name, str) for name in value)


def moved_inputs(survey: Survey, store: str) -> dict[str, str]:
    """Copy what another store keeps for a survey into its own.

    Parameters
    ----------
    survey
        That reads files of the other store.
    store
        The other.

    Returns
    -------
    Arguments of `Survey.replace` for the new places.
    """
    folder, moved = Path(store) / INPUTS_FOLDER, {}
    for place in PLACES:
        section: Any = survey
        for key in place:
            section = getattr(section, key, None)
        named = getattr(section, "path", None)
        path = Path(named) if isinstance(named, str) else Path()
        if path.parent == folder and not is_url(survey.store):
            target = Path(survey.store) / INPUTS_FOLDER / path.name
            Store(survey.store).write(INPUTS_FOLDER + path.name, path.read_bytes())
            moved["__".join((*place, "path"))] = str(target)
    return moved


def _frame(name: str, section: Mapping[str, Any]) -> gpd.GeoDataFrame:
    """Put a section's geometries into a frame with the columns that the survey names."""
    frame = located(name, section["path"])
    wanted = {
        "area": list(section.get("where", ())),
        "samples": [section.get("column", "class")],
        "regions": [section.get("column", "name")],
    }[name]
    missing = [column for column in wanted if column not in frame.columns]
    if missing:
        there = [str(column) for column in frame.columns if column != frame.geometry.name]
        key = "where" if name == "area" else "column"
        raise SurveyError(
            f"{name}: it has no column {missing[0]!r}; it has {listed(there) or 'no column'}; name "
            f"the right one, as {name}={{'path': ..., {key!r}: ...}}"
        )
    if name == "samples":  # when they are of their classes, where anything says so
        settings = SampleSettings.model_construct(**section)
        wanted += [column for column in time_columns(settings).values() if column in frame.columns]
    columns = {column: _storable(frame[column]) for column in dict.fromkeys(wanted)}
    return gpd.GeoDataFrame(columns, geometry=frame.geometry.to_numpy(), crs=frame.crs)


def _storable(column: pd.Series) -> pd.Series:
    """Texts of a column of anything but numbers; what is missing stays missing."""
    if pd.api.types.is_numeric_dtype(column):
        return column.reset_index(drop=True)
    texts = column.astype(object).reset_index(drop=True)
    return texts.where(texts.isna(), texts.map(str))
