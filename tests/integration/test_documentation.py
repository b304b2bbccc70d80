"""The documentation: it builds without a warning, and every block of code on its pages is run."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import typing
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
import typer
import yaml
from pydantic import BaseModel

import minecover
from minecover.commands.app import app
from minecover.demo.district import build_district
from minecover.engines.registry import ENGINES
from minecover.features.registry import INDICES
from minecover.models.registry import MODELS
from minecover.products.registry import PRODUCTS
from minecover.settings import Section
from minecover.sources.registry import SOURCES
from minecover.stages.registry import STAGES, stages_of
from minecover.survey import Survey, load
from minecover.workflow.run import Run
from pages import ROOT, VARIABLES, Runner, blocks_of
from services.forked_minecover import forked_minecover

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
BLOCKS = {page: blocks_of(page) for page in PAGES}

SMALL = {
    "grid": {"crs": "EPSG:32649", "resolution": 10, "tile": 64},
    "samples": {"path": "samples.gpkg", "column": "class", "block": 320, "folds": 3},
    "selection": {"keep": 20, "trees": 50},
    "model": {"kind": "rf"},
    "engine": {"tiles": "local", "prediction": "local", "training": "local"},
}
"""Sections of the survey of the pages: one that is mapped in seconds, in this process."""

NOT_RUN = 13
"""Blocks that are parsed and not run. Each says why on its page."""


class Silence:
    """Progress that shows nothing."""

    def __getattr__(self, name: str):  # noqa: ANN204
        return lambda *arguments: None


@pytest.fixture(scope="session")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated district with its finished map."""
    folder = tmp_path_factory.mktemp("mapped") / "district"
    district = build_district(folder, size=128, points_scale=4)
    text = district.survey.read_text()
    survey = yaml.safe_dump(yaml.safe_load(text) | SMALL, sort_keys=False)
    district.survey.write_text(f"{text.splitlines()[0]}\n{survey}")
    loaded = load(district.survey)
    Run(loaded, stages_of(loaded), Silence()).until("publish")
    return folder


@pytest.fixture(scope="module")
def program() -> Iterator[Path]:
    """What pages call `minecover`."""
    with forked_minecover(**VARIABLES) as place:
        yield place


@pytest.mark.parametrize(
    "page", [page for page in PAGES if BLOCKS[page]], ids=lambda page: str(page.relative_to(ROOT))
)
def test_every_block_of_a_page_runs(
    page: Path, mapped: Path, program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "district"
    shutil.copytree(mapped, folder)
    for registry in (ENGINES, INDICES, MODELS, PRODUCTS, SOURCES, STAGES):
        for kept in ("_known", "_added"):  # what a page registers is not there on the next
            monkeypatch.setattr(registry, kept, dict(getattr(registry, kept)))
    monkeypatch.chdir(folder)
    runner = Runner(page, folder, program)
    for block in BLOCKS[page]:
        try:
            runner.run(block)
        except Exception as error:
            error.add_note(f"the block at {page.relative_to(ROOT)}:{block.line}")
            raise


def test_blocks_that_do_not_run_say_why_and_are_counted() -> None:
    unrun = [block for blocks in BLOCKS.values() for block in blocks if block.kind == "not run"]
    assert all(len(block.detail) > 10 for block in unrun)
    assert len(unrun) == NOT_RUN


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built documentation; a warning, as of a link that leads nowhere, is an error."""
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "--quiet", DOCS, target]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return target


def test_every_page_is_built(site: Path) -> None:
    sources = [path.relative_to(DOCS) for kind in ("*.md", "*.ipynb") for path in DOCS.rglob(kind)]
    assert len(sources) > 20
    missing = [path for path in sources if not (site / path).with_suffix(".html").is_file()]
    assert missing == []


class Loaded(HTMLParser):
    """Addresses of what a page loads: scripts, styles and images, not links."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        styles = tag == "link" and "stylesheet" in str(given.get("rel"))
        self.found += filter(None, [given.get("src"), given.get("href") if styles else None])


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        for address in Loaded(page).found:
            path = page.parent / address.partition("?")[0]
            assert address.startswith("data:") or path.is_file(), f"{page}: {address}"


def test_the_reference_has_every_key_command_and_name(site: Path) -> None:
    keys = (site / "reference/survey_file.html").read_text()
    assert [key for key in keys_of(Survey) if f'id="confval-{key}"' not in keys] == []
    commands = (site / "reference/commands.html").read_text()
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        for parameter in command.params:
            is_option = parameter.param_type_name == "option"
            shown = parameter.opts[0] if is_option else parameter.metavar or parameter.name.upper()
            assert f'<span class="pre">{shown}</span>' in commands, f"{name} {shown}"
    python = (site / "reference/python.html").read_text()
    missing = [
        n for n in minecover.__all__ if not re.search(f'id="(module-)?minecover.{n}"', python)
    ]
    assert missing == ["__version__"]


def keys_of(kind: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Keys of a section and of the sections in it."""
    for name, field in kind.model_fields.items():
        arguments = (field.annotation, *typing.get_args(field.annotation))
        inner = [one for one in arguments if isinstance(one, type) and issubclass(one, Section)]
        if inner and name != "stages":
            yield from keys_of(inner[0], f"{prefix}{name}.")
        elif name != "sources":
            yield f"{prefix}{name}"
