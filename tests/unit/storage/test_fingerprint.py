"""Fingerprints of values, and of code by what it does."""

from __future__ import annotations

import ast
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minecover.errors import MinecoverError
from minecover.stages.registry import STAGES
from minecover.storage import fingerprint as fingerprints
from minecover.storage.fingerprint import (
    code_version,
    fingerprint,
    module_version,
    syntax_digests,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)


def test_a_fingerprint_is_the_same_on_every_machine_and_day() -> None:
    # sha256sum of: "cube" 00 {"a":1,"b":[null,true]} 00, the first 16 digits
    assert fingerprint("cube", {"b": [None, True], "a": 1}) == "494715168568e898"


@given(st.dictionaries(st.text(max_size=4), JSON, max_size=4))
def test_the_order_of_keys_does_not_matter(document: dict[str, object]) -> None:
    assert fingerprint(document) == fingerprint(dict(reversed(document.items())))


@given(JSON, JSON)
def test_parts_do_not_run_into_each_other(first: object, second: object) -> None:
    assert fingerprint(first, second) != fingerprint([first, second])
    assert fingerprint(first, second) != fingerprint(first)
    assert (fingerprint(first, second) == fingerprint(second, first)) == (
        fingerprint(first) == fingerprint(second)
    )


BUILD = '''"""Compose the seasons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minecover.geography.grid import Tile, Window
from minecover.errors import DataError

if TYPE_CHECKING:
    from minecover.storage.store import Store

__all__ = ["scaled"]

SCALE = 1e-4
"""Of digital numbers."""


def scaled(values: np.ndarray, offset: float = 0.0) -> np.ndarray:
    """Turn digital numbers into reflectance."""
    # checked first
    if values.ndim != 2:
        raise DataError(f"{values.ndim} dimensions; give two")
    values = values + offset
    return values * SCALE


class Composer:
    """Composes."""

    edge: int = 256
    """Of a tile."""

    @property
    def pixels(self) -> int:
        """Count."""
        return self.edge**2
'''


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package in place of minecover's, of which versions are taken."""
    (tmp_path / "cube").mkdir()
    (tmp_path / "cube" / "build.py").write_text(BUILD)
    (tmp_path / "grid.py").write_text("EDGE = 256\n")
    monkeypatch.setattr(fingerprints, "ROOT", tmp_path)
    yield tmp_path
    code_version.cache_clear()


def version(*places: str) -> str:
    code_version.cache_clear()  # a process reads its source once
    return code_version(*places)


def test_the_version_of_code_is_the_same_in_every_release() -> None:
    """Else all that was computed before would be computed again."""
    assert fingerprint(sorted(syntax_digests(BUILD))) == "1c60a56cac82f91b"


def changed(source: Path, old: str, new: str) -> bool:
    """Tell whether replacing a text of the module changes the version of its package."""
    before = version("cube")
    assert old in BUILD
    (source / "cube" / "build.py").write_text(BUILD.replace(old, new))
    return version("cube") != before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Compose the seasons.", "Compose the seasons of a year."),
        ("Turn digital numbers", "Convert digital numbers"),
        ('"""Of a tile."""', '"""Of a tile, in pixels."""'),
        ('"""Of digital numbers."""\n', ""),
        ("# checked first", "# before anything is read"),
        ("values * SCALE", "(values\n        * SCALE)"),
        ("offset: float = 0.0", "offset: float | None = 0.0"),
        ("-> np.ndarray", "-> object"),
        ("dimensions; give two", "dimensions, not two: give an image"),
        ('["scaled"]', '["Composer", "scaled"]'),
        ("from minecover.geography.grid import Tile, Window", "from minecover.place import Tile"),
        ("from minecover.storage.store import Store", "from minecover.elsewhere import Store"),
        ("from __future__ import annotations\n", ""),
    ],
)
def test_what_code_does_not_do_is_not_in_its_version(source: Path, old: str, new: str) -> None:
    assert not changed(source, old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("1e-4", "1e-3"),
        ("values + offset", "values - offset"),
        ("offset: float = 0.0", "offset: float = 0.1"),
        ("ndim != 2", "ndim != 3"),
        ("raise DataError(", "raise ValueError("),
        ("edge: int = 256", "edge: int = 512"),
        ("    @property\n", ""),
        ("class Composer:", "class Composer(dict):"),
        ("    values = values + offset\n    return values * SCALE",
         "    values = values * SCALE\n    return values + offset"),
        ("import numpy as np", "import cupy as np"),
        ("import Tile, Window", "import Tile as Window"),
        ("SCALE = 1e-4", "SCALE = 1e-4\nSCALE_OF_OTHERS = 1"),
    ],
)  # fmt: skip
def test_what_code_does_is_in_its_version(source: Path, old: str, new: str) -> None:
    assert changed(source, old, new)


def test_a_definition_or_a_module_may_move(source: Path) -> None:
    before, grid = version("cube"), version("grid.py")
    start = BUILD.index("class Composer")
    (source / "cube" / "build.py").write_text(BUILD[:start])
    (source / "cube" / "composer.py").write_text('"""Composes."""\n\n' + BUILD[start:])
    assert version("cube") == before
    (source / "cube" / "build.py").rename(source / "cube" / "make.py")
    (source / "cube").rename(source / "seasons")
    assert version("seasons") == before
    assert version("grid.py") == grid


def test_what_is_no_source_does_not_count(source: Path) -> None:
    before = version("cube")
    (source / "cube" / "notes.txt").write_text("not code")
    (source / "cube" / "empty.py").write_text('"""Nothing yet."""\n')
    assert version("cube") == before


def test_every_stage_keeps_its_version_when_its_files_are_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {stage.name: version(*stage.code) for stage in STAGES}
    package = shutil.copytree(fingerprints.ROOT, tmp_path / "copy")
    for path in package.rglob("*.py"):  # without comments, in another layout
        path.write_text(ast.unparse(ast.parse(path.read_text())))
    monkeypatch.setattr(fingerprints, "ROOT", package)
    assert {stage.name: version(*stage.code) for stage in STAGES} == before
    code_version.cache_clear()


def test_the_version_of_another_package_follows_all_its_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "stranger_of_fingerprints"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "index.py").write_text("def bsi(a: float) -> float:\n    return a\n")
    monkeypatch.syspath_prepend(tmp_path)
    versions = []
    for source in ("return a", "return a + 1", "return a  # as it was"):
        (folder / "index.py").write_text(f"def bsi(a: float) -> float:\n    {source}\n")
        module_version.cache_clear()
        versions.append(module_version(folder.name))
    assert versions[0] == versions[2] != versions[1]
    assert module_version(f"{folder.name}.index") == versions[2]
    with pytest.raises(MinecoverError, match="source is needed"):
        module_version("itertools")


def test_the_source_of_a_script_that_runs_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = ModuleType("script_of_tests")
    script.__file__ = str(tmp_path / "script.py")
    (tmp_path / "script.py").write_text("GAIN = 2\n")
    monkeypatch.setitem(sys.modules, "script_of_tests", script)
    assert module_version("script_of_tests") == fingerprint(sorted(syntax_digests("GAIN = 2")))
