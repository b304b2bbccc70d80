"""Registries: names without imports, things at first use, strangers by entry point."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pytest
from pydantic import ValidationError

from minecover.errors import SurveyError
from minecover.registry import Registry
from minecover.settings import NameIn, Section

POINT = """[minecover.fruits]
pear = orchard_of_tests:PEAR
stone = orchard_of_tests:STONE
gone = orchard_of_tests:NONE
absent = no_such_package:THING
"""


def fruits() -> Registry[str]:
    return Registry("fruit", "minecover.fruits", "builtins:str", {"apple": "string:digits"})


FRUITS = fruits()


@pytest.fixture
def orchard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package that brings fruits."""
    (tmp_path / "orchard_of_tests.py").write_text('PEAR, STONE = "pear", 1\n')
    info = tmp_path / "orchard_of_tests-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: orchard-of-tests\nVersion: 1\n")
    (info / "entry_points.txt").write_text(POINT)
    monkeypatch.syspath_prepend(tmp_path)


def test_the_things_of_the_package_come_first_and_in_order() -> None:
    registry = fruits()
    assert registry.names() == registry.own_names() == ("apple",)
    assert registry["apple"] == "0123456789"
    assert registry.module("apple") == "string"
    assert "apple" in registry
    assert list(registry) == ["0123456789"]


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(SurveyError, match="no fruit 'plum'; there are apple"):
        fruits()["plum"]


@pytest.mark.usefixtures("orchard")
def test_an_installed_package_brings_things() -> None:
    registry = fruits()
    assert registry.names() == ("apple", "absent", "gone", "pear", "stone")
    assert registry["pear"] == "pear"
    assert registry.module("pear") == "orchard_of_tests"
    assert registry.is_own("apple")
    assert not registry.is_own("pear")


@pytest.mark.usefixtures("orchard")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("stone", r"fruit 'stone' is of type int; it must be a builtins\.str"),
        ("gone", "fruit 'gone': orchard_of_tests:NONE cannot be imported"),
        ("absent", "fruit 'absent': no_such_package:THING cannot be imported"),
    ],
)
def test_what_a_package_brings_wrongly_is_named(name: str, message: str) -> None:
    with pytest.raises(SurveyError, match=message):
        fruits()[name]


def test_a_thing_registered_in_this_process_is_found() -> None:
    registry = fruits()
    assert registry.register("fig", "sweet") == "sweet"
    assert registry.names() == ("apple", "fig")
    assert registry["fig"] == "sweet"
    assert registry.module("fig") == __name__
    registry.register("fig", "sweeter")
    assert registry["fig"] == "sweeter"
    with pytest.raises(SurveyError, match="fruit 'apple' is one of minecover's"):
        registry.register("apple", "green")
    with pytest.raises(SurveyError, match=r"must be a builtins\.str"):
        registry.register("date", 1)  # type: ignore[arg-type]


def test_a_key_names_a_thing_of_a_registry() -> None:
    class Basket(Section):
        fruits: tuple[Annotated[str, NameIn(f"{__name__}:FRUITS")], ...]

    with pytest.raises(ValidationError, match=r"fruits\.1\n.*no fruit 'fig'; there are apple"):
        Basket(fruits=("apple", "fig"))
    FRUITS.register("fig", "sweet")
    assert Basket(fruits=("apple", "fig")).fruits == ("apple", "fig")
    items = Basket.model_json_schema()["properties"]["fruits"]["items"]
    assert items == {"type": "string", "enum": ["apple", "fig"]}
