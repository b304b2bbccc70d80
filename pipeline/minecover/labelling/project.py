"""A labelling project: a folder with its points, and with the answers of everybody who labels them.

``project.json`` says what is asked, ``points.gpkg`` holds the points as they were when the project
was begun, ``answers/NAME.jsonl`` what each labeller says, ``settled.jsonl`` what was decided where
they differ, and ``labelled.gpkg`` is the result.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

import geopandas as gpd
import numpy as np
import pyogrio
import shapely

from minecover.errors import StoreError, SurveyError
from minecover.labelling.answers import AnswerFile
from minecover.samples.labels import label_text
from minecover.storage.canonical_json import Json
from minecover.storage.store import Store

__all__ = ["RESULT", "Project", "Question", "check_basemap", "read_project"]

FORMAT = 1

DOCUMENT, POINTS, RESULT = "project.json", "points.gpkg", "labelled.gpkg"

LAYER = "points"

LABELLER = re.compile(r"[\w-]+([ .][\w-]+)*")
"""Names of labellers, which are names of files too."""

LONGEST_NAME = 60

PLACEHOLDERS = ("lon", "lat")


@dataclass(frozen=True)
class Question:
    """One class that is asked for.

    Attributes
    ----------
    key
        Under which answers are kept: ``12``, or ``12/class_2019`` where a point has several.
    row
        Of its point in the project's table.
    name
        Of the point, as people see it.
    column
        In which the result has the answer.
    period
        In which the class is asked for; empty: the survey has none.
    """

    key: str
    row: int
    name: str
    column: str
    period: str


@dataclass(frozen=True)
class Project:
    """What is labelled, and where the answers are.

    Attributes
    ----------
    folder
        Of the project.
    points
        One row a point, with the columns that its file had.
    columns
        Column of a label to its period; an empty period: that in `period_column`, or none.
    period_column
        Column of the points that says in which period they are asked for; None: there is none.
    of_design
        Whether the points were drawn by `minecover design`.
    source
        File that they came from.
    basemap
        Address of a map elsewhere, with ``{lon}`` and ``{lat}``; None: there is no such link.
    """

    folder: Path
    points: gpd.GeoDataFrame
    columns: Mapping[str, str]
    period_column: str | None = None
    of_design: bool = False
    source: str = ""
    basemap: str | None = None

    def write(self) -> None:
        """Write what the project is made of; its points only where they are not there yet."""
        store = Store(str(self.folder))
        if store.read(POINTS) is None:
            with store.writing_file(POINTS) as path:
                self.points.to_file(path, driver="GPKG", layer=LAYER)
        store.write_json(DOCUMENT, {"format": FORMAT, "points": self.digest, **self._facts()})

    def _facts(self) -> dict[str, Json]:
        return {
            "columns": dict(self.columns),
            "period_column": self.period_column,
            "of_design": self.of_design,
            "source": self.source,
            "basemap": self.basemap,
        }

    @cached_property
    def digest(self) -> str:
        """Digest of where the points are, by which answers know theirs."""
        places = np.round(shapely.get_coordinates(self.points.geometry.array), 6) + 0.0
        names = map(label_text, self.points["id"]) if "id" in self.points else ()
        return hashlib.sha256(places.tobytes() + "\n".join(names).encode()).hexdigest()

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        """What is asked, in order: of each point every class."""
        numbers = map(str, range(1, len(self.points) + 1))
        names = map(label_text, self.points["id"]) if "id" in self.points else numbers
        periods = self.points[self.period_column] if self.period_column else [""] * len(self.points)
        return tuple(
            Question(
                f"{row + 1}" if len(self.columns) == 1 else f"{row + 1}/{column}",
                row, name, column, period or str(own),
            )
            for row, (name, own) in enumerate(zip(names, periods, strict=True))
            for column, period in self.columns.items()
        )  # fmt: skip

    def answers_of(self, labeller: str) -> AnswerFile:
        """Open the answers of a labeller, there or not.

        Raises
        ------
        SurveyError
            That can be no name.
        """
        if not LABELLER.fullmatch(labeller) or len(labeller) > LONGEST_NAME:
            raise SurveyError(
                f"--labeller: {labeller!r}; give a name of letters, digits, - and _, with single "
                f"spaces or points between, of {LONGEST_NAME} at most"
            )
        return AnswerFile(self.folder / "answers" / f"{labeller}.jsonl", self.digest)

    @property
    def labellers(self) -> tuple[str, ...]:
        """Names of those who answered, sorted."""
        found = (self.folder / "answers").glob("*.jsonl")
        return tuple(sorted(path.stem for path in found if LABELLER.fullmatch(path.stem)))

    @property
    def settled(self) -> AnswerFile:
        """What was decided where labellers differ."""
        return AnswerFile(self.folder / "settled.jsonl", self.digest)


def read_project(folder: Path) -> Project | None:
    """Read a project; None: none was begun there.

    Raises
    ------
    StoreError
        It is damaged, or of another version.
    """
    document = Store(str(folder)).read_json(DOCUMENT) if folder.is_dir() else None
    if document is None:
        return None
    where = f"{folder / DOCUMENT}"
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise StoreError(f"{where}: damaged, or of another version; give another --project")
    try:
        points = gpd.read_file(folder / POINTS, layer=LAYER)
        fields = {name: document[name] for name in Project.__dataclass_fields__ if name in document}
        project = Project(folder, **{**fields, "points": points})
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, TypeError) as error:
        raise StoreError(
            f"{folder}: this project is not whole: {error}; bring {POINTS} and {DOCUMENT} back"
        ) from error
    if project.digest != document["points"]:
        raise StoreError(
            f"{folder / POINTS}: its points are not those that the project was begun with; bring "
            "the file back from a copy, or give another --project"
        )
    return project


def check_basemap(template: str) -> str:
    """Check an address of a map elsewhere, which a labeller may open.

    Raises
    ------
    SurveyError
        It is no address of the web, or has no place for the point.
    """
    if urlsplit(template).scheme not in ("https", "http") or not all(
        f"{{{name}}}" in template for name in PLACEHOLDERS
    ):
        raise SurveyError(
            f"--basemap: {template}; give an address that begins with https:// and has {{lon}} and "
            "{lat} where the point's degrees belong, as https://map.example/?x={lon}&y={lat}"
        )
    return template
