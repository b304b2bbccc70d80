"""Answers of a labeller: a file that lines are only added to, each on the disk before the next.

A line is one JSON document. A process that is killed while it writes leaves a piece of a line,
which was never acknowledged and is cut off before the next is written. Several processes may add to
one file: each holds its lock, and adds nothing where the point was answered since it was seen.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from minecover.errors import DataError, StoreError
from minecover.storage.canonical_json import Json
from minecover.storage.durable import reach_disk

__all__ = ["NO_REVISION", "Answer", "AnswerFile", "Answers", "OutdatedError"]

FORMAT = 1

NO_REVISION = 0
"""Of a question that has no answer."""

LONGEST_COMMENT = 2000
"""Characters of a comment."""

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Answer:
    """What a labeller says of one question.

    Attributes
    ----------
    label
        Name of a class; None: skipped.
    doubt
        Whether the labeller is not sure.
    comment
        In the labeller's words.
    by
        Name of the labeller.
    revision
        Number of the line that says it; 0: not written yet.
    """

    label: str | None
    doubt: bool = False
    comment: str = ""
    by: str = ""
    revision: int = NO_REVISION


@dataclass(frozen=True)
class Answers:
    """Answers of a file.

    Attributes
    ----------
    history
        Question to its answers that were not taken back, the latest last.
    revision
        Number of the last line.
    """

    history: Mapping[str, tuple[Answer, ...]] = field(default_factory=dict)
    revision: int = NO_REVISION

    @property
    def latest(self) -> dict[str, Answer]:
        """Question to the answer that counts."""
        return {question: answers[-1] for question, answers in self.history.items() if answers}


class OutdatedError(Exception):
    """A question was answered since it was looked at.

    Attributes
    ----------
    current
        What is said of it now; None: nothing.
    """

    def __init__(self, current: Answer | None) -> None:
        super().__init__("this point was answered elsewhere since it was shown here")
        self.current = current


@dataclass(frozen=True)
class AnswerFile:
    """The file of a labeller's answers.

    Attributes
    ----------
    path
        It, there or not.
    points
        Digest of the points that are labelled, which is the file's first line.
    """

    path: Path
    points: str

    def read(self) -> Answers:
        """Read all answers; there are none where there is no file.

        Raises
        ------
        DataError
            A line before the last is unreadable, or the answers are of other points.
        """
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return Answers()
        return self._parsed(data)[0]

    def answer(self, question: str, answer: Answer, seen: int) -> Answer:
        """Write an answer; it is on the disk when this returns.

        Parameters
        ----------
        question
            Which is answered.
        answer
            To it.
        seen
            Revision of the answer that the labeller saw; `NO_REVISION`: there was none.

        Raises
        ------
        OutdatedError
            It was answered since.
        StoreError
            It cannot be written; nothing of it is.
        """
        said = asdict(replace(answer, comment=_plain(answer.comment)))
        del said["revision"]
        after = self._add(question, said, seen)
        assert after is not None
        return after

    def undo(self, question: str, seen: int) -> Answer | None:
        """Take the answer to a question back; the one before it counts again, if there is one.

        Raises
        ------
        OutdatedError
            Another was given since, or there is none.
        StoreError
            It cannot be written; nothing of it is.
        """
        if seen == NO_REVISION:
            raise OutdatedError(self.read().latest.get(question))
        return self._add(question, {"undo": seen}, seen)

    def _add(self, question: str, said: Mapping[str, Json], seen: int) -> Answer | None:
        """Add a line, and return what is then said of its question."""
        with self._locked() as file:
            answers, whole = self._parsed(_everything(file))
            current = answers.latest.get(question)
            if (current.revision if current else NO_REVISION) != seen:
                raise OutdatedError(current)
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            line = {"question": question, "at": now, **said}
            after = _after(answers.history.get(question, ()), line, answers.revision + 1)
            head = [] if whole else [{"format": FORMAT, "points": self.points}]
            _write(file, whole, b"".join(_line(item) for item in (*head, line)), self.path)
            return after[-1] if after else None

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """Open the file for this process alone; others wait."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise StoreError(_refusal(self.path, error)) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
        finally:
            os.close(file)  # and with it the lock

    def _parsed(self, data: bytes) -> tuple[Answers, int]:
        """Parse all whole lines, and tell how many bytes they are."""
        history: dict[str, tuple[Answer, ...]] = {}
        revision = whole = 0
        for number, text in enumerate(data.splitlines(keepends=True)):
            if not text.endswith(b"\n"):
                break  # what was being written when its process was killed
            try:
                line = json.loads(text)
                if number == 0:
                    self._check_head(line)
                else:
                    question, revision = str(line["question"]), number
                    history[question] = _after(history.get(question, ()), line, revision)
            except (ValueError, KeyError, TypeError) as error:
                raise DataError(
                    f"{self.path}: line {number + 1} is damaged: {error}; bring the file back "
                    "from a copy: what is in that line is lost otherwise"
                ) from error
            whole += len(text)
        return Answers(history, revision), whole

    def _check_head(self, line: Mapping[str, Json]) -> None:
        if line["format"] != FORMAT or line["points"] != self.points:
            raise DataError(
                f"{self.path}: these are answers to other points than those of this project, or of "
                "another version of minecover; take the file out of the folder"
            )


def _plain(comment: str) -> str:
    """Text that every file and page can hold: no control characters, no halves of characters."""
    text = comment.encode("utf-8", "replace").decode()
    return " ".join(_CONTROLS.sub(" ", text).split())[:LONGEST_COMMENT]


def _after(
    before: tuple[Answer, ...], line: Mapping[str, Json], revision: int
) -> tuple[Answer, ...]:
    """Answers to a question after a line: another one, or one that is taken back."""
    if "undo" in line:
        return tuple(answer for answer in before if answer.revision != line["undo"])
    label = None if line["label"] is None else str(line["label"])
    said = bool(line["doubt"]), str(line["comment"]), str(line["by"])
    return (*before, Answer(label, *said, revision))


def _line(value: Mapping[str, Json]) -> bytes:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


def _everything(file: int) -> bytes:
    os.lseek(file, 0, os.SEEK_SET)
    with os.fdopen(os.dup(file), "rb") as stream:
        return stream.read()


def _write(file: int, whole: int, data: bytes, path: Path) -> None:
    """Write behind the whole lines of a file, and wait for the disk; what fails leaves nothing."""
    try:
        os.ftruncate(file, whole)
        os.lseek(file, whole, os.SEEK_SET)
        while data:
            data = data[os.write(file, data) :]
        os.fsync(file)
        if not whole:
            reach_disk(path, path.parent.parent)  # its name, too
    except OSError as error:
        with suppress(OSError):
            os.ftruncate(file, whole)
        raise StoreError(_refusal(path, error)) from error


def _refusal(path: Path, error: OSError) -> str:
    return (
        f"{path}: the answer cannot be written: {error.strerror}; make room, or let this person "
        "write there, and answer again"
    )
