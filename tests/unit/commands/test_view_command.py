"""`minecover view`: where it listens, and what it says."""

from __future__ import annotations

import re
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from minecover.commands.app import app
from minecover.errors import SurveyError
from minecover.products.publishing import publish
from minecover.viewing import serving
from small_map import SmallMap, draw_codes, grid, small_map

PRODUCTS = ["landuse", "map_page", "item"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SmallMap:
    its = small_map(tmp_path_factory.mktemp("view"), draw_codes((40, 40)), grid((40, 40), 32))
    publish(its.store, its.publication(), PRODUCTS)
    its.store.write_json(
        "survey.json", {"name": "small", "format": 4, "grid": {"crs": "EPSG:32649"}}
    )
    return its


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What would be served; nobody waits for Ctrl-C."""
    calls: list[Any] = []

    def serve(application: Any, bound: socket.socket) -> None:
        calls.append((application, bound.getsockname()))
        raise KeyboardInterrupt

    monkeypatch.setattr(serving, "serve", serve)
    return calls


def test_this_machine_alone_is_served(made: SmallMap, served: list[Any]) -> None:
    ran = CliRunner().invoke(app, ["view", made.store.url, "--port", "0"])
    assert ran.exit_code == 0, ran.output
    host, port = served[0][1]
    assert host == "127.0.0.1"
    assert f"http://127.0.0.1:{port}/map/\n" in ran.output.replace("\n\n", "\n")
    assert "token" not in ran.output
    assert ran.output.rstrip().endswith("stopped")


def test_a_store_is_named_as_its_folder_is(
    made: SmallMap, served: list[Any], tmp_path: Path
) -> None:
    store = shutil.copytree(made.store.url, tmp_path / "district [final]")
    ran = CliRunner().invoke(app, ["view", str(store), "--port", "0"])
    assert ran.exit_code == 0, ran.output
    assert f"map page of {store}: http://127.0.0.1:" in ran.output


def test_others_need_a_token(made: SmallMap, served: list[Any]) -> None:
    ran = CliRunner().invoke(app, ["view", made.store.url, "--host", "0.0.0.0", "--port", "0"])
    assert ran.exit_code == 0, ran.output
    token = re.search(r"\?token=(\S{32})", ran.output)
    assert token is not None
    assert len(served) == 1


def test_a_port_in_use_is_named(made: SmallMap, served: list[Any]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ran = CliRunner().invoke(app, ["view", made.store.url, "--port", port])
    assert isinstance(ran.exception, SurveyError)
    assert f"--port {port}: cannot listen there" in str(ran.exception)
    assert served == []
