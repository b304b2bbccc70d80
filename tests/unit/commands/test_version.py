"""One version: that of pyproject.toml."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

import minecover
from minecover import __version__
from minecover.commands.app import app

PROJECT = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]


def test_the_package_knows_its_version() -> None:
    # where this fails, pyproject.toml has changed since `make setup`
    assert __version__ == PROJECT["version"]


def test_the_command_prints_it() -> None:
    ran = CliRunner().invoke(app, ["--version"])
    assert (ran.exit_code, ran.output) == (0, f"minecover {PROJECT['version']}\n")


def test_other_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="'minecover' has no attribute 'version'"):
        getattr(minecover, "version")  # noqa: B009 - an attribute that no checker would let pass


def test_importing_the_package_reads_no_metadata() -> None:
    script = "import minecover, sys; print('importlib.metadata' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert ran.stdout == "False\n"
