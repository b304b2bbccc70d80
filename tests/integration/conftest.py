"""Whole surveys of a simulated district, shared by the tests that look at one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from minecover.demo.district import District, build_district
from minecover.engines.base import Outcome
from minecover.ledger.steps import Step
from minecover.stages.registry import stages_of
from minecover.survey import Survey, load
from minecover.workflow.run import Run
from services.s3 import Server, UnavailableError, s3_server


@dataclass
class Recorder:
    """Progress that remembers, and can stop a run at a tile."""

    done: list[str] = field(default_factory=list)
    skipped_stages: list[str] = field(default_factory=list)
    steps: list[tuple[str, Step]] = field(default_factory=list)
    tiles: int = 0
    die_after: int | None = None

    def started(self, stage: str, tiles: int | None, done: int) -> None:
        pass

    def tile(self, outcome: Outcome) -> None:
        self.tiles += 1
        if self.tiles == self.die_after:
            raise InterruptedError("the test stops the driver here")

    def step(self, stage: str, step: Step) -> None:
        self.steps.append((stage, step))

    def finished(self, stage: str, facts: dict[str, Any], seconds: float) -> None:
        self.done.append(stage)

    def already_complete(self, stage: str) -> None:
        self.skipped_stages.append(stage)


@pytest.fixture(scope="session")
def s3_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real S3 server with a bucket `minecover`."""
    try:
        with s3_server(tmp_path_factory.mktemp("s3")) as server:
            server.make_bucket("minecover")
            yield server
    except UnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture
def s3(s3_session: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The server, found by the `AWS_*` variables of this process and its children."""
    for name, value in s3_session.environment().items():
        monkeypatch.setenv(name, value)
    return s3_session


@pytest.fixture(scope="session")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    """A simulated district of 128 x 128 pixels."""
    return build_district(tmp_path_factory.mktemp("district"), size=128, points_scale=4)


@pytest.fixture
def make_survey(district: District) -> Callable[..., Survey]:
    """The district's survey of two seasons with sections changed: four tiles, this process."""

    def make(store: Path, **sections: dict[str, Any]) -> Survey:
        base = load(district.survey).model_dump()
        base["seasons"] = {name: base["seasons"][name] for name in ("spring", "summer")}
        small = {
            "grid": {"tile": 64},
            "engine": {"tiles": "local", "prediction": "local", "training": "local"},
            "model": {"kind": "rf"},
            "selection": {"keep": 20, "trees": 50},
            "samples": {"folds": 3},
            "assessment": {"areas": True, "sets": 0.9},
            "store": str(store),
        }
        for changes in (small, sections):
            for name, values in changes.items():
                base[name] = {**base[name], **values} if isinstance(values, dict) else values
        return Survey.model_validate(base)

    return make


@pytest.fixture
def do() -> Callable[..., Recorder]:
    """Run a survey up to a stage and return what it told."""

    def run(
        survey: Survey, last: str = "publish", *, again: bool = False, **options: Any
    ) -> Recorder:
        recorder = Recorder(**options)
        Run(survey, stages_of(survey), recorder).until(last, again=again)
        return recorder

    return run


def tree(folder: Path) -> dict[str, bytes]:
    """Every file under a folder with its bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
