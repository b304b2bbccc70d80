"""A command for each stage, whoever brings it, and help that costs no heavy import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from minecover.commands.app import app
from minecover.commands.stages import add_stage_commands
from minecover.errors import SurveyError
from minecover.stages.registry import PURPOSES, STAGES
from minecover.testing.stages import number_stages, tile_survey
from minecover.workflow.progress import Silent
from minecover.workflow.run import Run
from minecover.workflow.stage import Stage

HEAVY = ("numpy", "pandas", "zarr", "shapely", "geopandas", "dask", "ray", "torch", "sklearn")


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two stages of other packages, of which one cannot be imported."""
    monkeypatch.setattr(STAGES, "_known", dict(STAGES._known))
    monkeypatch.setattr(STAGES, "_added", {**STAGES._added, "broken": "no_such_package:BROKEN"})
    stage = Stage("drain", "drain the pits", lambda workspace: None, lambda context: {})
    STAGES.register("drain", stage)


def helped() -> str:
    app = typer.Typer()
    add_stage_commands(app)
    result = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "120"})
    assert result.exit_code == 0
    return result.output


def test_every_stage_has_a_command() -> None:
    text = helped()
    assert all(f" {name} " in text for name in STAGES.names())


@pytest.mark.usefixtures("others")
def test_stages_of_other_packages_have_one_too_and_a_broken_one_says_so() -> None:
    text = helped()
    assert "Drain the pits (and what it needs before it)." in text
    assert "Cannot be used: stage 'broken': no_such_package:BROKEN cannot" in text


def test_a_stage_that_the_survey_has_not_is_named_with_those_it_has(tmp_path: Path) -> None:
    run = Run(tile_survey(str(tmp_path / "store"), 1, 1), number_stages(), Silent())
    with pytest.raises(SurveyError, match="no stage 'drain'; it has catalog, cube, features"):
        run.until("drain")
    assert not (tmp_path / "store").exists()


def test_the_stages_are_listed_in_their_order() -> None:
    result = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "120"})
    listed = [line.split()[1] for line in result.output.splitlines() if line.startswith("│ ")]
    stages = [name for name in listed if name in PURPOSES]
    assert stages == list(PURPOSES)
    alone = CliRunner().invoke(app, ["catalog", "--help"], env={"COLUMNS": "120"})
    assert "from-files" in alone.output
    assert "│ of " not in alone.output


@pytest.mark.parametrize(
    ("command", "example"),
    [("design", "minecover design its.yaml --standard-error 0.01"),
     ("areas", "minecover areas its.yaml --points labelled.gpkg")],
)  # fmt: skip
def test_what_a_command_needs_is_shown_by_an_example(command: str, example: str) -> None:
    with pytest.raises(SurveyError, match=example):
        CliRunner().invoke(app, [command, "its.yaml"], catch_exceptions=False)


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['minecover', '--help']\n"
        "from minecover.commands.app import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print('heavy:', *sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert ended.stdout.splitlines()[-1].strip() == "heavy:"
