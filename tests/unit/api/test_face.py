"""What `import minecover` offers, and that it costs nothing until it is used."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import minecover as mc

HEAVY = (
    "dask", "geopandas", "numpy", "odc.geo", "pandas", "pydantic", "rasterio", "ray", "rich",
    "rioxarray", "shapely", "sklearn", "torch", "typer", "xarray", "yaml", "zarr",
)  # fmt: skip

SOURCE = Path(str(mc.__file__)).read_text(encoding="utf-8")


def names_for_type_checkers() -> set[str]:
    tree = ast.parse(SOURCE)
    typed = next(node for node in tree.body if isinstance(node, ast.If))
    return {
        alias.asname or alias.name
        for node in typed.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_importing_it_imports_nothing_heavy() -> None:
    code = f"import sys, minecover; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert ran.stdout.strip() == ""


@pytest.mark.parametrize("name", mc.__all__)
def test_every_name_is_there(name: str) -> None:
    thing = getattr(mc, name)
    place = mc._PLACES.get(name)  # type: ignore[attr-defined] - type checkers read the imports
    module = getattr(thing, "__module__", None) or getattr(thing, "__name__", None)
    assert name == "__version__" or place.partition(":")[0] == module


def test_type_checkers_completion_and_star_see_the_same_names() -> None:
    names = set(mc.__all__) - {"__version__"}
    assert names == names_for_type_checkers() == set(mc._PLACES)  # type: ignore[attr-defined]
    assert dir(mc) == sorted(mc.__all__)
    assert len(set(mc.__all__)) == len(mc.__all__)


def test_no_room_hides_a_name_once_it_is_imported() -> None:
    rooms = {path.stem for path in Path(str(mc.__file__)).parent.iterdir()}
    assert rooms & set(mc.__all__) == set()


def test_the_face_fits_on_a_screen() -> None:
    assert len(SOURCE[SOURCE.index("__all__ = [") :].splitlines()) <= 50
