"""Engines are things of a registry: what others ask of them, and which a survey may name."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from distributed.comm import CommClosedError
from pydantic import ValidationError

from minecover.engines import dask_cluster, ray_folder
from minecover.engines.base import Outcome
from minecover.engines.engine import Engine
from minecover.engines.local import LOCAL, in_this_process
from minecover.engines.ports import check_port
from minecover.engines.registry import ENGINES
from minecover.engines.settings import EngineSettings
from minecover.errors import SurveyError, TryAgainError
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
    prediction, nothing = schema["prediction"]["anyOf"]
    assert schema["tiles"]["enum"] == prediction["enum"] == list(ENGINES.names())
    assert nothing == {"type": "null"}


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


def test_a_port_that_something_listens_at_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(SurveyError, match=f"engine.metrics_port: port {port} of this machine"):
            check_port(port)
    check_port(None)
    check_port(port)  # free again


def test_a_folder_of_ray_goes_with_its_session_and_with_a_dead_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(ray_folder, "LONGEST", 200)
    dead, young = tmp_path / "minecover-ray-dead", tmp_path / "minecover-ray-young"
    for folder in (dead, young):
        folder.mkdir()
        (folder / "log").touch()
    os.utime(dead, (0, 0))
    with ray_folder.ray_folder() as one, ray_folder.ray_folder() as two:
        os.utime(one, (0, 0))
        with ray_folder.ray_folder():
            assert one.is_dir()  # old, and held
        assert one != two
        assert sorted(tmp_path.iterdir()) == sorted([one, two, young])
    assert list(tmp_path.iterdir()) == [young]


def test_a_folder_of_ray_has_a_name_short_enough_for_its_sockets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("deep" * 20)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    with ray_folder.ray_folder() as folder:
        assert len(str(folder)) <= ray_folder.LONGEST


@pytest.mark.parametrize("error", [TimeoutError("no valid workers"), CommClosedError("gone")])
def test_a_lost_connection_to_dask_here_asks_for_another_run(error: OSError) -> None:
    client = SimpleNamespace(
        status="running", cluster=object(), scheduler=SimpleNamespace(address="tcp://127.0.0.1:1")
    )
    with (
        pytest.raises(TryAgainError, match="connection to Dask on this machine was lost"),
        dask_cluster._until_lost(client),  # type: ignore[arg-type]
    ):
        raise error


def test_the_error_of_a_task_is_no_lost_connection() -> None:
    client = SimpleNamespace(
        status="running", cluster=object(), scheduler=SimpleNamespace(address="tcp://127.0.0.1:1")
    )
    with pytest.raises(PermissionError), dask_cluster._until_lost(client):  # type: ignore[arg-type]
        raise PermissionError
