"""Errors of the face name arguments, methods and parameters, not keys, commands and options."""

from __future__ import annotations

import pytest

from minecover.api.messages import in_arguments, speaking_of_arguments
from minecover.errors import HeldError, InvalidatedError, MinecoverError, StoreError
from small_map import survey

SURVEY = survey(sources={"sentinel2": {}, "terrain": {}})


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("samples.path: /a/samples.parquet: no file", "samples__path: /a/samples.parquet: no file"),
        ("lower engine.workers or grid.tile", "lower engine__workers or grid__tile"),
        ("sources.terrain.path: no", "sources__terrain__path: no"),
        ("sources.landsat.path: no", "sources.landsat.path: no"),
        ("model.regions.column is", "model__regions__column is"),
        ("model.json, catalog.json stay", "model.json, catalog.json stay"),
        ("features.fill: year", "features__fill: year"),
        ("give another store with --store", "give another store with `store`"),
        ("run `minecover train` first", "run `run(until='train')` first"),
        ("see `minecover check`", "see `check()`"),
        ("`minecover calibrate` measures it", "`minecover calibrate` measures it"),
        ("0.95 of 3.5 GB in v1.2", "0.95 of 3.5 GB in v1.2"),
    ],
)
def test_words_of_the_command_line_become_those_of_python(message: str, said: str) -> None:
    assert in_arguments(message, SURVEY) == said


@pytest.mark.parametrize(
    "error",
    [
        StoreError("full; see samples.path"),
        HeldError("held; see samples.path", 3.0),
        InvalidatedError("cube", "samples.path"),
    ],
)
def test_an_error_stays_what_it_is(error: MinecoverError) -> None:
    with pytest.raises(type(error)) as caught, speaking_of_arguments(SURVEY):
        raise error
    assert caught.value is error
    assert "samples__path" in str(error)
    assert getattr(error, "until", 3.0) == 3.0
