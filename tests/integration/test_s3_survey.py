"""A whole survey with its store in a bucket: the same bytes as in a folder."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from conftest import Recorder  # type: ignore[import-not-found]
from minecover.storage.store import Store
from minecover.survey import Survey
from services.faulty_s3 import Faults, faulty_s3
from services.s3 import Server

pytestmark = pytest.mark.integration

Make = Callable[..., Survey]
Do = Callable[..., Recorder]

SMALLEST = {"model": {"kind": "nb"}, "selection": {"keep": 10, "trees": 10}}

VARY = ("ledger/", "products/report.html")
"""What differs between any two runs: the ledger and the report tell seconds and hosts."""


def objects(url: str) -> Mapping[str, bytes]:
    """Everything that must be the same whatever the store."""
    store = Store(url)
    return {name: store.read(name) or b"" for name in store.names("") if not name.startswith(VARY)}


def names(url: str) -> set[str]:
    """Every object but the ledger's own."""
    return {name for name in Store(url).names("") if not name.startswith("ledger/")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("folder") / "store"


def test_a_bucket_holds_the_same_bytes_as_a_folder(
    s3: Server, folder: Path, make_survey: Make, do: Do
) -> None:
    bucket = f"s3://minecover/{uuid.uuid4().hex}"
    local = make_survey(folder, **SMALLEST)
    remote = local.model_copy(update={"store": bucket})
    do(local)
    do(remote)
    assert names(bucket) == names(str(folder))
    expected, found = objects(str(folder)), objects(bucket)
    assert [name for name in expected if found[name] != expected[name]] == []
    again = do(remote)
    assert again.done == []


def test_a_server_that_fails_again_and_again_changes_no_byte(
    s3: Server, folder: Path, make_survey: Make, do: Do, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = make_survey(folder, **SMALLEST)
    do(local)
    bucket = f"s3://minecover/{uuid.uuid4().hex}"
    faults = Faults(seed=5, rate=0.1)
    with faulty_s3(s3.port, faults) as port:
        for name, value in s3.environment(port).items():
            monkeypatch.setenv(name, value)
        do(local.model_copy(update={"store": bucket}))
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    expected, found = objects(str(folder)), objects(bucket)
    assert faults.count.total() > 40
    assert names(bucket) == names(str(folder))
    assert [name for name in expected if found[name] != expected[name]] == []
