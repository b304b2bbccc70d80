from __future__ import annotations

import os
import shutil
from pathlib import Path
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


@pytest.mark.parametrize("home", [True, False])
def test_a_user_without_home_has_a_token_of_the_session(
    home: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray writes one into the home, or does not start."""
    monkeypatch.setenv("HOME", str(tmp_path if home else tmp_path / "none"))
    monkeypatch.delenv("RAY_AUTH_TOKEN_PATH", raising=False)
    monkeypatch.setenv("RAY_AUTH_TOKEN", "")  # put back as it was
    monkeypatch.delenv("RAY_AUTH_TOKEN")
    session._bring_token()
    assert len(os.environ.get("RAY_AUTH_TOKEN", "")) == (0 if home else 64)
