"""Engines are things of a registry: what others ask of them, and which a survey may name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from minecover.engines.base import Outcome
from minecover.engines.engine import Engine
from minecover.engines.local import LOCAL, in_this_process
from minecover.engines.registry import ENGINES
from minecover.engines.settings import EngineSettings
from minecover.geography.grid import Tile
from minecover.survey import Survey
from minecover.testing.stages import number_stages, tile_survey
from minecover.workflow.progress import Silent
from minecover.workflow.run import Run


def test_each_engine_answers_to_its_name() -> None:
    assert [engine.name for engine in ENGINES] == list(ENGINES.names())
    assert [engine.name for engine in ENGINES if engine.alone] == ["local"]


def test_the_address_of_a_cluster_is_the_surveys() -> None:
    settings = EngineSettings(dask_address="tcp://a:1", ray_address="b:2")
    found = {engine.name: engine.address(settings) for engine in ENGINES}
    assert found == {"dask": "tcp://a:1", "ray": "b:2", "local": None}


def test_an_engine_that_is_none_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValidationError, match="no engine 'spark'; there are dask, ray, local"):
        EngineSettings(tiles="spark")


def test_the_schema_names_the_engines() -> None:
    schema = EngineSettings.model_json_schema()["properties"]
    assert schema["tiles"]["enum"] == schema["prediction"]["enum"] == list(ENGINES.names())


def test_this_process_works_on_everything() -> None:
    settings = in_this_process(EngineSettings(workers=7))
    assert (settings.tiles, settings.prediction, settings.workers) == ("local", "local", 7)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An engine from outside, `counting`, that notes the tiles that it is given."""
    tiles: list[str] = []

    def run(settings: EngineSettings, job: object, given: Iterator[Tile]) -> Iterator[Outcome]:
        for outcome in LOCAL.run(settings, job, given):  # type: ignore[arg-type]
            tiles.append(outcome.tile.name)
            yield outcome

    monkeypatch.setattr(ENGINES, "_known", dict(ENGINES._known))
    monkeypatch.setattr(ENGINES, "_added", dict(ENGINES._added))
    ENGINES.register("counting", Engine("counting", run))  # type: ignore[arg-type]
    return tiles


def test_an_engine_from_outside_works_on_tiles(counted: list[str], tmp_path: Path) -> None:
    survey: Survey = tile_survey(str(tmp_path / "store"), 1, 2, tiles="counting")
    Run(survey, number_stages(), Silent()).until("cube")
    assert counted == ["r0000c0000", "r0000c0001"]
