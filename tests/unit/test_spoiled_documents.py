"""A few of the documents that `fuzz.campaign` spoils by the thousand, the same ones every time."""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path

import pytest

from fuzz.campaign import opened, spoil
from fuzz.catalogs import StaticCatalog
from fuzz.mutations import with_value
from fuzz.surveys import SurveyFiles
from minecover.commands.app import main
from minecover.errors import SurveyError

FEW = {
    "static catalog": 60,
    "STAC API": 15,
    "survey, area, samples": 12,
    "store of a run half done": 12,
}


@pytest.mark.parametrize(("kind", "count"), FEW.items())
def test_no_document_ends_in_a_traceback(tmp_path: Path, kind: str, count: int) -> None:
    with opened(kind, tmp_path) as target:
        found = spoil(target, count, random.Random(kind), time.monotonic() + 300)
    assert not found.defects
    assert found.counts["accepted"] + found.counts["refused"] == count
    assert min(found.counts["accepted"], found.counts["refused"]) > 0


FOUND = {
    "no number of threads": ("survey.yaml", ("engine", "threads"), 10**59, "less than or equal"),
    "an infinite corner": (
        "area.geojson",
        ("features", 0, "geometry", "coordinates", 0, 1, 0),
        float("-inf"),
        "a coordinate that is infinite",
    ),
}
"""What campaigns found: file, place, value, and what is said of it now."""


@pytest.mark.parametrize(("name", "place", "value", "said"), FOUND.values(), ids=FOUND)
def test_what_campaigns_found_is_said(
    tmp_path: Path, name: str, place: tuple[str | int, ...], value: object, said: str
) -> None:
    files = SurveyFiles(StaticCatalog(tmp_path))
    spoiled = with_value(files.documents[name], place, value)
    with pytest.raises(SurveyError, match=said):
        files.check(name, json.dumps(spoiled).encode())


SPOILED = {
    "survey.yaml": b"[" * 100_000,
    "area.geojson": b'{"type": "FeatureCollection", "features": null}',
    "samples.geojson": b"\xff\xfe",
    "catalog.json": b'{"type": "Catalog", "links": ' + b"[" * 3000 + b"]" * 3000 + b"}",
}


@pytest.mark.parametrize(("name", "data"), SPOILED.items(), ids=SPOILED)
def test_the_command_line_says_what_is_wrong_and_ends_with_2(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    data: bytes,
) -> None:
    SurveyFiles(StaticCatalog(tmp_path))
    (tmp_path / name).write_bytes(data)
    monkeypatch.setattr(sys, "argv", ["minecover", "check", str(tmp_path / "survey.yaml")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("minecover: ")
    assert name in said
    assert "Traceback" not in said
