"""`minecover label`: where it listens, what it writes, and what it says of labellers."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from minecover.commands.app import app
from minecover.errors import StoreError, SurveyError
from minecover.labelling.answers import NO_REVISION, Answer
from minecover.labelling.project import read_project
from minecover.viewing import serving
from small_labelling import points_file
from small_store import SmallStore, small_store


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SmallStore:
    return small_store(tmp_path_factory.mktemp("label"))


@pytest.fixture
def survey(made: SmallStore, tmp_path: Path) -> Path:
    path = tmp_path / "survey.yaml"
    given = made.survey.model_dump(mode="json", exclude_unset=True)
    path.write_text(yaml.safe_dump(given, sort_keys=False))
    points_file(made, tmp_path / "points.gpkg", 3)
    return path


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Where would be served; nobody waits for Ctrl-C."""
    calls: list[Any] = []

    def serve(application: Any, bound: socket.socket) -> None:
        calls.append(bound.getsockname())
        raise KeyboardInterrupt

    monkeypatch.setattr(serving, "serve", serve)
    return calls


def label(survey: Path, *more: str) -> Any:
    points = str(survey.with_name("points.gpkg"))
    return CliRunner().invoke(app, ["label", str(survey), "--points", points, "--port", "0", *more])


def test_it_serves_and_then_writes_the_result(survey: Path, served: list[Any]) -> None:
    ran = label(survey, "--labeller", "Ann B.")
    assert isinstance(ran.exception, SurveyError)
    assert "--labeller: 'Ann B.'" in str(ran.exception)
    ran = label(survey, "--labeller", "Ann B")
    assert ran.exit_code == 0, ran.output
    host, port = served[0]
    assert host == "127.0.0.1"
    assert f"Ann B labels at http://127.0.0.1:{port}/" in ran.output
    assert "token" not in ran.output
    assert "0 of 3 labelled" in ran.output
    assert (survey.parent / "survey-labels" / "labelled.gpkg").exists()


def test_others_need_a_token(survey: Path, served: list[Any]) -> None:
    ran = label(survey, "--labeller", "ann", "--host", "0.0.0.0")
    assert ran.exit_code == 0, ran.output
    assert "?token=" in ran.output


def test_the_summary_compares_labellers(survey: Path, served: list[Any]) -> None:
    assert label(survey, "--summary").exit_code == 0
    project = read_project(survey.parent / "survey-labels")
    assert project is not None
    for name, labels in {"ann": ("mine", "water"), "bo": ("mine", "mine")}.items():
        for key, what in enumerate(labels, start=1):
            project.answers_of(name).answer(str(key), Answer(what, by=name), NO_REVISION)
    ran = label(survey, "--summary")
    assert ran.exit_code == 0, ran.output
    assert "ann and bo: 1 of 2 alike (50.0 %), kappa 0.000" in ran.output
    assert "point p2: ann water, bo mine" in ran.output
    assert "1 of 3 labelled in" in ran.output
    assert served == []


def test_without_a_design_it_says_what_to_do(survey: Path) -> None:
    ran = CliRunner().invoke(app, ["label", str(survey)])
    assert isinstance(ran.exception, StoreError)
    assert "run `minecover design`" in str(ran.exception)
