"""Code blocks of the documentation, and how they are run.

A comment above a block says what is special about it:

- ``<!-- file: NAME -->``: the block is the content of a file, which is written;
- ``<!-- output -->``: what the block before prints, where ``...`` stands for anything;
- ``<!-- not run: REASON -->``: its commands are only parsed.

``<!-- python ... -->`` holds code that a page needs and does not show, as an answer that a reader
gives in QGIS.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import json
import os
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer
import yaml

from minecover.commands.app import app
from minecover.settings import Section
from minecover.survey import Survey, load

ROOT = Path(__file__).parents[1]

BLOCK = re.compile(
    r"^<!-- python\n(?P<hidden>.*?)^-->"
    r"|(?:^<!-- (?P<remark>[^\n]*) -->\n+)?"
    r"^(?P<fence>:{3,}|`{3,})(?P<language>[^\n]*)\n(?P<code>.*?)^(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)

LANGUAGES = {"python", "bash", "yaml", "toml", "json", "text"}

KINDS = {"file", "output", "not run", ""}

VARIABLES = {"COLUMNS": "120", "NO_COLOR": "1"}
"""Of the environment of what is run."""


@dataclass(frozen=True)
class Block:
    """One block of code.

    Attributes
    ----------
    language
        Of the fence.
    code
        Between the fences.
    line
        Of the page, from 1.
    kind, detail
        What the remark above says: ``file`` and a name, ``not run`` and a reason, ``output``.
    """

    language: str
    code: str
    line: int
    kind: str = ""
    detail: str = ""


def blocks_of(page: Path) -> list[Block]:
    """Blocks of a page in order; directives are none."""
    text = page.read_text()
    found = []
    for match in BLOCK.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        if match["hidden"] is not None:
            found.append(Block("python", match["hidden"], line))
        elif not match["language"].startswith("{"):
            kind, _, detail = (match["remark"] or "").partition(": ")
            language = match["language"].strip()
            assert kind in KINDS, f"{page}:{line}: what does {kind!r} mean?"
            assert language in LANGUAGES, f"{page}:{line}: {language!r} is no known language"
            found.append(Block(language, match["code"], line, kind, detail))
    return found


@dataclass
class Runner:
    """Runs the blocks of a page one after the other, in a folder of its own.

    Attributes
    ----------
    page, folder
        Whose blocks, and where.
    minecover
        The program that the blocks call so.
    names
        What the Python blocks before have defined.
    printed
        By the last block that was run.
    """

    page: Path
    folder: Path
    minecover: Path
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "page"})
    printed: str = ""

    def run(self, block: Block) -> None:
        """Run a block, or check what it says."""
        if block.kind == "file":
            (self.folder / block.detail).write_text(block.code)
        elif block.kind == "output":
            assert matches(block.code, self.printed), self.printed
        elif block.language == "python":
            self._python(block)
        elif block.language == "bash":
            self._bash(block)
        elif block.language == "yaml":
            check_sections(block.code, self.folder)
        elif block.language in ("toml", "json"):
            {"toml": tomllib, "json": json}[block.language].loads(block.code)  # type: ignore[attr-defined]

    def _python(self, block: Block) -> None:
        code = compile("\n" * block.line + block.code, str(self.page), "exec")
        if block.kind == "not run":
            return
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(code, self.names)
        self.printed = printed.getvalue()

    def _bash(self, block: Block) -> None:
        for words in commands_of(block.code):
            parse_command(words)
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert set(re.findall(r"^make ([a-z-]+)", block.code, re.MULTILINE)) <= set(targets)
        if block.kind == "not run":
            return
        ran = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", block.code],
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        self.printed = ran.stdout

    def _environment(self) -> dict[str, str]:
        """Of the shell: there, `minecover` is the package under test."""
        path = f"{self.minecover.parent}:{os.environ['PATH']}"
        return os.environ | VARIABLES | {"PATH": path}


def matches(expected: str, printed: str) -> bool:
    """Compare output, but for trailing blanks."""
    wanted, got = (
        "\n".join(line.rstrip() for line in text.strip().splitlines()) + "\n"
        for text in (expected, printed)
    )
    return doctest.OutputChecker().check_output(wanted, got, doctest.ELLIPSIS)


def commands_of(code: str) -> Iterator[list[str]]:
    """Words of the commands of minecover in a shell block, without what follows a pipe."""
    for line in code.replace("\\\n", " ").splitlines():
        for part in re.split(r" \|\|? | && |; ", line):
            words = shlex.split(part, comments=True)
            while words and "=" in words[0]:  # variables of its environment
                words = words[1:]
            if words[:1] == ["minecover"]:
                yield [word for word in words[1:] if not word.startswith((">", "&"))]


def parse_command(words: list[str]) -> None:
    """Have the command line read a command without doing anything."""
    group = typer.main.get_command(app)
    name, *arguments = words
    if name not in ("--help", "--version"):
        group.commands[name].make_context(name, arguments)  # type: ignore[attr-defined]


def check_sections(text: str, folder: Path) -> None:
    """Validate part of a survey file together with the rest of a survey."""
    part = yaml.safe_load(text)
    base = yaml.safe_load((folder / "survey.yaml").read_text())
    unknown = set(part) - set(Survey.model_fields)
    assert not unknown, f"no sections of a survey: {unknown}"
    path = folder / "sections.yaml"
    if "periods" in part:  # they bring seasons of their own
        del base["seasons"]
    path.write_text(yaml.safe_dump(base | part))
    assert isinstance(load(path), Section)
