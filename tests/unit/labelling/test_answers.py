"""Answers on disk: whatever is interrupted, and whoever writes, nothing acknowledged is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minecover.errors import DataError, StoreError
from minecover.labelling.answers import NO_REVISION, Answer, AnswerFile, Answers, OutdatedError

POINTS = "0" * 64

NAMES = ("water", "mine", None)

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["1", "2", "3/class_2019"]),
        st.sampled_from([*NAMES, "undo"]),
        st.booleans(),
        st.text(max_size=8),
    ),
    max_size=12,
)


@pytest.fixture(autouse=True)
def synced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of what was brought to the disk; these tests wait for no disk."""
    sizes: list[int] = []

    def sync(descriptor: int) -> None:
        sizes.append(os.fstat(descriptor).st_size)

    monkeypatch.setattr(os, "fsync", sync)
    return sizes


def test_an_answer_is_on_the_disk_when_it_is_acknowledged(
    tmp_path: Path, synced: list[int]
) -> None:
    file = fresh(tmp_path)
    first = file.answer("1", Answer("water"), NO_REVISION)
    assert synced[0] == file.path.stat().st_size  # the file, and then its name in its folders
    assert len(synced) > 1
    file.answer("1", Answer("mine"), first.revision)
    assert synced[-1] == file.path.stat().st_size


def fresh(folder: Path) -> AnswerFile:
    path = folder / "answers" / "ann.jsonl"
    path.unlink(missing_ok=True)
    return AnswerFile(path, POINTS)


def states(file: AnswerFile, steps: list[tuple[str, str | None, bool, str]]) -> list[Answers]:
    """Do the steps, each as seen by who looks just before; what is then on the disk, each time."""
    found = [file.read()]
    for question, what, doubt, comment in steps:
        now = file.read().latest.get(question)
        seen = now.revision if now else NO_REVISION
        if what != "undo":
            file.answer(question, Answer(what, doubt, comment, "ann"), seen)
        elif now:
            file.undo(question, seen)
        else:
            continue
        found.append(file.read())
    return found


@given(steps=STEPS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
def test_the_last_answer_that_was_not_taken_back_counts(
    tmp_path: Path, steps: list[tuple[str, str | None, bool, str]]
) -> None:
    given: dict[str, list[str | None]] = {}
    for question, what, _, _ in steps:
        answers = given.setdefault(question, [])
        if what != "undo":
            answers.append(what)
        elif answers:
            answers.pop()
    latest = states(fresh(tmp_path), steps)[-1].latest
    wanted = {question: answers[-1] for question, answers in given.items() if answers}
    assert {question: answer.label for question, answer in latest.items()} == wanted


@given(steps=STEPS, cut=st.floats(0, 1))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_cut_off_anywhere_it_is_what_was_there_before(
    tmp_path: Path, steps: list[tuple[str, str | None, bool, str]], cut: float
) -> None:
    file = fresh(tmp_path)
    found = states(file, steps)
    if len(found) == 1:
        return
    data = file.path.read_bytes()
    left = data[: round(cut * len(data))]
    file.path.write_bytes(left)
    lines = max(0, left.count(b"\n") - 1)
    assert file.read() == found[lines]
    before = file.read().latest.get("1")
    file.answer("1", Answer("water"), before.revision if before else NO_REVISION)
    assert file.read().latest["1"].label == "water"
    assert file.read().revision == lines + 1


def test_who_saw_an_older_answer_overwrites_nothing(tmp_path: Path) -> None:
    here, there = fresh(tmp_path), fresh(tmp_path)
    first = here.answer("1", Answer("water", by="ann"), NO_REVISION)
    with pytest.raises(OutdatedError) as refused:
        there.answer("1", Answer("mine", by="ann"), NO_REVISION)
    assert refused.value.current == first
    second = there.answer("1", Answer("mine", by="ann"), first.revision)
    with pytest.raises(OutdatedError):
        here.undo("1", first.revision)
    assert here.undo("1", second.revision) == first
    with pytest.raises(OutdatedError):
        here.undo("2", NO_REVISION)


def test_of_many_at_once_one_answers_each_point(tmp_path: Path) -> None:
    file, won, points = fresh(tmp_path), [], [str(n) for n in range(10)]

    def answer(name: str) -> None:
        for point in points:
            try:
                AnswerFile(file.path, POINTS).answer(point, Answer("mine", by=name), NO_REVISION)
            except OutdatedError:
                continue
            won.append((point, name))

    threads = [threading.Thread(target=answer, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    latest = file.read().latest
    assert sorted((point, one.by) for point, one in latest.items()) == sorted(won)
    assert len(won) == len(points)


WRITER = """
import sys
from pathlib import Path
from minecover.labelling.answers import Answer, AnswerFile
file = AnswerFile(Path(sys.argv[1]), "0" * 64)
for number in range(100_000):
    print(file.answer(str(number), Answer("mine", comment="x" * 200), 0).revision, flush=True)
"""


def test_killed_while_it_writes_it_loses_nothing_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "answers" / "ann.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for _ in range(8):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    acknowledged = 8 + len(process.stdout.read().split())
    process.wait()
    process.stdout.close()
    assert AnswerFile(path, POINTS).read().revision >= acknowledged


def test_damage_is_named_and_nothing_is_overwritten(tmp_path: Path) -> None:
    file = fresh(tmp_path)
    file.answer("1", Answer("water"), NO_REVISION)
    file.answer("2", Answer("mine"), NO_REVISION)
    lines = file.path.read_bytes().splitlines(keepends=True)
    damaged = lines[0] + b"\0" * 20 + b"\n" + lines[2]
    file.path.write_bytes(damaged)
    with pytest.raises(DataError, match="line 2 is damaged"):
        file.read()
    with pytest.raises(DataError, match="line 2 is damaged"):
        file.answer("3", Answer("mine"), NO_REVISION)
    assert file.path.read_bytes() == damaged


def test_answers_to_other_points_are_refused(tmp_path: Path) -> None:
    file = fresh(tmp_path)
    file.answer("1", Answer("water"), NO_REVISION)
    with pytest.raises(DataError, match="other points"):
        AnswerFile(file.path, "1" * 64).answer("1", Answer("mine"), NO_REVISION)


def test_a_disk_that_is_full_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = fresh(tmp_path)
    file.answer("1", Answer("water"), NO_REVISION)
    before = file.path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left on device; make room"):
        file.answer("2", Answer("mine"), NO_REVISION)
    assert file.path.read_bytes() == before


@pytest.mark.parametrize(
    ("written", "kept"),
    [("a\nb\tc", "a b c"), ("\ud800x", "?x"), ("\u202eevil", "evil"), ("y" * 5000, "y" * 2000)],
)
def test_comments_are_text_that_every_file_can_hold(
    tmp_path: Path, written: str, kept: str
) -> None:
    assert fresh(tmp_path).answer("1", Answer("mine", comment=written), 0).comment == kept
