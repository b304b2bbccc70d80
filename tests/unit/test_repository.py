"""What belongs to the repository as a whole: its targets, workflow, hooks, citation and links."""

from __future__ import annotations

import inspect
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from minecover.commands.app import app
from minecover.engines.registry import ENGINES
from minecover.features.registry import INDICES
from minecover.models.registry import MODELS
from minecover.products.registry import PRODUCTS
from minecover.registry import Registry
from minecover.sources.registry import SOURCES
from minecover.stages.registry import STAGES
from minecover.survey import load

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
CONSTRAINTS = dict(
    line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line
)
PAGES = [
    page
    for page in sorted(ROOT.rglob("*.md"))
    if not {".venv", "node_modules", ".git"} & set(page.relative_to(ROOT).parts)
]


def test_no_host_of_a_registry_stands_in_the_repository() -> None:
    """Where packages come from is decided where they are installed."""
    hosts = re.compile(r"pypi\.org|pythonhosted|pytorch\.org/whl|npmjs\.(?:org|com)|deb\.debian")
    folders = [
        "benchmarks",
        "cluster",
        "docs",
        "findings",
        "notebooks",
        "page",
        "pipeline",
        "tests",
    ]
    kinds = {"", ".md", ".py", ".toml", ".txt", ".yaml", ".yml", ".json", ".sh", ".ipynb", ".mjs"}
    files = [path for folder in folders for path in (ROOT / folder).rglob("*")]
    files += [path for path in ROOT.iterdir() if path.name != ".git"]
    made = {"node_modules", "bundle", "__pycache__"}
    texts = {
        path: path.read_text(encoding="utf-8")
        for path in files
        if path.is_file()
        and path.suffix in kinds
        and not made & set(path.parts)
        and path != Path(__file__)
    }
    assert len(texts) > 500
    assert [str(path.relative_to(ROOT)) for path, text in texts.items() if hosts.search(text)] == []


def test_no_two_modules_of_fast_tests_have_a_name() -> None:
    """They would be one module to Python, and the second is not collected."""
    names = [path.name for path in (ROOT / "tests/unit").rglob("test_*.py")]
    assert len(names) == len(set(names))


def test_every_target_says_what_it_does() -> None:
    explained = set(re.findall(r"^([a-z-]+):.*## \S", MAKEFILE, re.MULTILINE))
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert phony is not None
    assert set(phony[1].split()) == explained == TARGETS


@pytest.mark.parametrize("name", WORKFLOW["jobs"])
def test_a_job_makes_the_target_of_its_name(name: str) -> None:
    steps = WORKFLOW["jobs"][name]["steps"]
    commands = [step["run"] for step in steps if "run" in step]
    assert commands[-1] == f"make {name}"
    assert {command.removeprefix("make ") for command in commands} <= TARGETS


def test_the_jobs_are_what_make_test_runs() -> None:
    found = re.search(r"^test: (.*?) ##.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert found is not None
    made = " ".join(re.findall(r"^\t\$\(MAKE\)(?: -j 2)? (.*)$", found[2], re.MULTILINE))
    run = {*found[1].split(), *made.split()}
    assert len(run) > 4
    assert run - {"system"} <= set(WORKFLOW["jobs"])


def test_the_workflow_may_only_read_and_uses_pinned_actions() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    for job in WORKFLOW["jobs"].values():
        assert "permissions" not in job
        actions = [step["uses"] for step in job["steps"] if "uses" in step]
        assert actions
        assert all(re.fullmatch(r"actions/[a-z-]+@v\d+\.\d+\.\d+", action) for action in actions)


def hooks() -> list[dict[str, Any]]:
    repositories = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [repository["repo"] for repository in repositories] == ["local"]
    return [hook for repository in repositories for hook in repository["hooks"]]


@pytest.mark.parametrize("hook", hooks(), ids=lambda hook: hook["id"])
def test_hooks_run_what_is_here(hook: dict[str, Any]) -> None:
    command, argument = hook["entry"].split()[:2]
    if command == "make":
        assert argument in TARGETS
    else:
        assert command.startswith(".venv/bin/")
        assert command.removeprefix(".venv/bin/") in CONSTRAINTS


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == VERSION
    assert [entry["doi"] for entry in citation["references"]] == ["10.6046/zrzyyg.2024080"]


def test_the_changelog_begins_with_this_version() -> None:
    versions = re.findall(r"^## \[(.*?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] == VERSION
    assert len(set(versions)) == len(versions)


def test_images_are_tagged_with_this_version() -> None:
    for file in [*(ROOT / "cluster").rglob("*.yaml"), *PAGES, ROOT / "cluster/Dockerfile"]:
        assert set(re.findall(r"/minecover:(\d+\.\d+\.\d+)", file.read_text())) <= {VERSION}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    files = [target.partition("#")[0] for target in targets if "://" not in target]
    assert [file for file in files if file and not (page.parent / file).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_paths_in_code_type_exist(page: Path) -> None:
    named = re.findall(
        r"`((?:pipeline|tests|cluster|benchmarks|docs|examples|notebooks)/[\w./-]+)`",
        page.read_text(),
    )
    places = [file for file in named if not (ROOT / file).exists()]
    assert places == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_on_pages_exist(page: Path) -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    code = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", page.read_text(), re.DOTALL))
    named = set(re.findall(r"(?:^|`|\$ |-- )minecover ([a-z]+)", code, re.MULTILINE))
    assert sorted(named - set(commands)) == []


def test_surveys_on_pages_are_valid(tmp_path: Path) -> None:
    def blocks(page: str) -> list[str]:
        return re.findall(r"```yaml\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)

    first = yaml.safe_load(blocks("README.md")[0])
    for part in [{}, *map(yaml.safe_load, blocks("docs/explanation/large_areas.md"))]:
        (tmp_path / "survey.yaml").write_text(yaml.safe_dump(first | part))
        assert load(tmp_path / "survey.yaml").name == "my-district"


EXAMPLES: list[tuple[Registry[Any], str, str]] = [
    (INDICES, "BSI", "BSI"),
    (SOURCES, "landsat", "Landsat"),
    (MODELS, "extra_trees", "EXTRA_TREES"),
    (PRODUCTS, "areas_table", "AREAS_TABLE"),
    (STAGES, "pits", "PITS"),
    (ENGINES, "one_by_one", "ONE_BY_ONE"),
]


@pytest.mark.parametrize(("registry", "name", "variable"), EXAMPLES)
def test_examples_of_what_may_be_added_can_be_registered(
    registry: Registry[Any], name: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text()
    assert f"| {registry.noun.removeprefix('kind of ')} |" in page
    assert f"`{registry.group}`" in page
    names: dict[str, Any] = {"__name__": "examples"}
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(block, names)
    for kept in ("_known", "_added"):
        monkeypatch.setattr(registry, kept, {})
    thing = registry.register(name, names[variable])
    assert registry[name] is thing
    assert thing.name == name
    assert not inspect.isabstract(thing)


def test_no_settings_are_copied_without_validation() -> None:
    code = [*(ROOT / "pipeline").rglob("*.py"), *(ROOT / "cluster").rglob("*.py")]
    assert len(code) > 300
    copying = [file for file in code if re.search(r"\.(model_)?copy\(update", file.read_text())]
    assert copying == []


def test_every_room_is_explained() -> None:
    rooms = {path.parent.name for path in (ROOT / "pipeline/minecover").glob("*/__init__.py")}
    tables = re.findall(r"^\| (`.*?) \|", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    assert rooms <= {name for cell in tables for name in re.findall(r"`(\w+)`", cell)}
