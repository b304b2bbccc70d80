"""A person at work on a labelling project: questions, chips and answers, as a page wants them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from minecover.arrays import Int64Array
from minecover.errors import SurveyError
from minecover.geography.grid import Grid
from minecover.labelling.agreement import agreement
from minecover.labelling.answers import Answer, AnswerFile
from minecover.labelling.chips import EDGES, Chips
from minecover.labelling.project import Project, Question
from minecover.labelling.result import Standing, standing, write_result
from minecover.products.map_document import grid_document
from minecover.samples.classes import LandUseClass
from minecover.storage.canonical_json import Json
from minecover.viewing.answering import whole_number

__all__ = ["Labelling"]


@dataclass(frozen=True)
class Labelling:
    """A project at which somebody works.

    Attributes
    ----------
    project
        With its points.
    places
        (point, 2) row and column of each point's pixel.
    labeller
        Who answers.
    settle
        Whether what labellers answered differently is decided, instead of answering oneself.
    chips
        Of the survey's cube.
    grid, classes
        Of the survey.
    simulated
        Names of sources whose data was simulated.
    """

    project: Project
    places: Int64Array
    labeller: str
    settle: bool
    chips: Chips
    grid: Grid
    classes: Sequence[LandUseClass]
    simulated: Sequence[str] = ()

    @property
    def codes(self) -> dict[str, int]:
        """Class name to code."""
        return {item.name: item.code for item in self.classes}

    @property
    def standing(self) -> Standing:
        """All answers."""
        return standing(self.project, self.codes)

    @property
    def file(self) -> AnswerFile:
        """Where answers go."""
        project = self.project
        return project.settled if self.settle else project.answers_of(self.labeller)

    @cached_property
    def questions(self) -> dict[str, Question]:
        """What may be answered, by key."""
        return {item.key: item for item in self.project.questions}

    def question(self, key: str) -> Question:
        """Find a question.

        Raises
        ------
        SurveyError
            There is none of that key.
        """
        if key not in self.questions:
            raise SurveyError(f"question: {key[:40]!r}: the project has no such point")
        return self.questions[key]

    def document(self) -> dict[str, Json]:
        """Describe the project to the page."""
        return {
            "title": self.project.source,
            "labeller": self.labeller,
            "settle": self.settle,
            "simulated": list(self.simulated),
            "basemap": self.project.basemap,
            "grid": grid_document(self.grid),
            "classes": [item.model_dump(mode="json") for item in self.classes],
            "seasons": list(self.chips.tiles.seasons),
            "pictures": self.chips.pictures,
            "layers": list(self.chips.names),
            "edges": list(EDGES),
            "questions": [self._described(item) for item in self._asked()],
        }

    def _asked(self) -> list[Question]:
        """List the questions in the order in which they are asked."""
        if not self.settle:
            return list(self.questions.values())
        now = self.standing
        apart = {*now.open, *now.settled}
        return [item for key, item in self.questions.items() if key in apart]

    def _described(self, question: Question) -> dict[str, Json]:
        row, column = self.places[question.row].tolist()
        x, y = self.grid.geobox.affine @ (column + 0.5, row + 0.5)
        period = question.period
        return {"key": question.key, "name": question.name, "period": period, "place": [x, y]}

    def answers(self) -> dict[str, Json]:
        """Give the answers that count, and when differences are settled what each labeller said."""
        latest = self.file.read().latest
        known = {key: asdict(one) for key, one in latest.items()}
        return {"answers": known, "said": self._said() if self.settle else {}}

    def _said(self) -> dict[str, dict[str, Json]]:
        found: dict[str, dict[str, Json]] = {}
        for name, answers in self.standing.answers.items():
            for key, one in answers.items():
                found.setdefault(key, {})[name] = asdict(one)
        return found

    def chip(self, query: Mapping[str, str]) -> bytes:
        """Read the chip of a question."""
        question = self.question(query.get("question", ""))
        row, column = self.places[question.row].tolist()
        values = self.chips.read(row, column, whole_number(query, "edge"), question.period)
        return values.astype("<f4", copy=False).tobytes()

    def answer(self, said: Mapping[str, Any]) -> Answer:
        """Write an answer to the disk."""
        question = self.question(said["question"])
        label = said["label"]
        if label is not None and label not in self.codes:
            raise SurveyError(f"label: {label[:40]!r} is no class of the survey")
        answer = Answer(label, said["doubt"], said["comment"], self.labeller)
        return self.file.answer(question.key, answer, said["seen"])

    def undo(self, said: Mapping[str, Any]) -> Answer | None:
        """Take an answer back."""
        return self.file.undo(self.question(said["question"]).key, said["seen"])

    def agreement(self) -> dict[str, Json]:
        """Compare the labellers."""
        now = self.standing
        return {"pairs": agreement(now.labels, self.codes), "open": len(now.open)}

    def write(self) -> dict[str, Json]:
        """Write the result."""
        return {"path": str(write_result(self.project, self.standing))}
