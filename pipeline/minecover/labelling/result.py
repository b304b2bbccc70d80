"""What the answers of all labellers come to: a file of points as `areas` and `run` take it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from minecover.errors import DataError
from minecover.labelling.agreement import disagreements
from minecover.labelling.answers import Answer
from minecover.labelling.project import RESULT, Project
from minecover.storage.store import Store

__all__ = ["Standing", "standing", "write_result"]

LAYER = "labelled"


@dataclass(frozen=True)
class Standing:
    """All answers to the questions of a project.

    Attributes
    ----------
    answers
        Labeller to question to the answer that counts.
    settled
        Question to what was decided of it.
    """

    answers: Mapping[str, Mapping[str, Answer]]
    settled: Mapping[str, Answer]

    @cached_property
    def labels(self) -> dict[str, dict[str, str]]:
        """Labeller to question to class, without what was skipped."""
        return {
            name: {key: one.label for key, one in answers.items() if one.label is not None}
            for name, answers in self.answers.items()
        }

    @cached_property
    def open(self) -> dict[str, dict[str, str]]:
        """Questions at which labellers differ and nothing was decided, with what each said."""
        apart = disagreements(self.labels)
        return {key: said for key, said in apart.items() if key not in self.settled}

    def result(self, question: str) -> tuple[str, tuple[Answer, ...]]:
        """Class of a question, empty where there is none, and the answers that say so."""
        settled = self.settled.get(question)
        said = [answers[question] for answers in self.answers.values() if question in answers]
        said = [settled] if settled else said
        labels = {one.label for one in said if one.label is not None}
        return (labels.pop() if len(labels) == 1 else ""), tuple(said)


def standing(project: Project, classes: Mapping[str, int]) -> Standing:
    """Read the answers of everybody.

    Raises
    ------
    DataError
        A file is damaged, or has an answer to no question of the project, or of no class.
    """
    known = {question.key for question in project.questions}

    def read(where: Path, answers: Mapping[str, Answer]) -> Mapping[str, Answer]:
        for key, one in answers.items():
            if key not in known or one.label not in (None, *classes):
                raise DataError(
                    f"{where}: it says {one.label!r} of point {key!r}, but that is no class, or no "
                    "point, of this project; name the classes of the survey as they were"
                )
        return answers

    files = {name: project.answers_of(name) for name in project.labellers}
    answers = {name: read(file.path, file.read().latest) for name, file in files.items()}
    return Standing(answers, read(project.settled.path, project.settled.read().latest))


def write_result(project: Project, answers: Standing) -> Path:
    """Write the points with their classes, as they were otherwise: `labelled.gpkg`.

    A class that the points' own file gave stays where nobody answered. Where labellers differ and
    nothing was decided there is none. Beside the classes it has the columns `labellers`, `in_doubt`
    (1 where somebody was not sure) and `comment`.
    """
    table = project.points.copy()
    given = {name: table[name].fillna("").astype(str).tolist() if name in table
             else [""] * len(table) for name in project.columns}  # fmt: skip
    said: list[list[Answer]] = [[] for _ in range(len(table))]
    for question in project.questions:
        label, answered = answers.result(question.key)
        if any(one.label is not None for one in answered):
            given[question.column][question.row] = label
        said[question.row] += answered
    table = table.assign(
        **given,
        labellers=[", ".join(sorted({one.by for one in row})) for row in said],
        in_doubt=[int(any(one.doubt for one in row)) for row in said],
        comment=["; ".join(one.comment for one in row if one.comment) for row in said],
    )
    with Store(str(project.folder)).writing_file(RESULT) as path:
        table.to_file(path, driver="GPKG", layer=LAYER)
    return project.folder / RESULT
