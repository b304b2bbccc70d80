from __future__ import annotations

import shutil
from types import SimpleNamespace
from typing import NoReturn

import pytest
import ray

from minecover.engines import session
from minecover.engines.settings import EngineSettings
from minecover.errors import TryAgainError

TIMED_OUT = "The current node timed out during startup. This could happen because some of the ..."


def fails(**given: object) -> NoReturn:
    raise Exception(TIMED_OUT)


def test_a_ray_that_does_not_start_asks_for_another_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "init", fails)
    with (
        pytest.raises(TryAgainError, match="did not start: The current node timed out during st"),
        session.ray_session(EngineSettings()),
    ):
        raise AssertionError("there is no session")


def test_a_full_folder_for_temporary_files_is_named_before_ray_waits_for_minutes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ray, "init", lambda **given: pytest.fail("Ray was started"))
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=2**20))
    with (
        pytest.raises(TryAgainError, match=r"has 1\.0 MiB free; make room in .* or set TMPDIR"),
        session.ray_session(EngineSettings()),
    ):
        raise AssertionError("there is no session")
