"""The store in a bucket of a real S3 server, and of one that fails."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

import minecover as mc
from minecover.errors import HeldError, StoreError, SurveyError, TryAgainError, UnreachableError
from minecover.geography.grid import Window
from minecover.ledger.leases import Leases, probe
from minecover.sources.documents import read_json
from minecover.storage import bucket
from minecover.storage.names import FORMAT
from minecover.storage.raster_array import stacked
from minecover.storage.s3 import catalog_access
from minecover.storage.store import Store
from minecover.survey.grid import survey_grid
from minecover.testing.stages import number_stages, tile_survey
from minecover.workflow.progress import Silent
from minecover.workflow.run import Run
from services.faulty_s3 import KINDS, Faults, faulty_s3
from services.s3 import Server

pytestmark = [pytest.mark.integration, pytest.mark.alone]

BIG = 6_000_000
"""Bytes of a file that goes up in parts: one part is 5 MiB."""


def place() -> str:
    return f"s3://minecover/{uuid.uuid4().hex}"


@pytest.fixture
def store(s3: Server) -> Store:
    return Store(place())


def test_what_is_written_is_read(store: Store) -> None:
    assert store.read("a/b.json") is None
    store.write_json("a/b.json", {"b": 1, "a": [1.5, None]})
    assert store.read("a/b.json") == b'{"a":[1.5,null],"b":1}'
    store.write("a/b.json", b"replaced")
    assert store.read("a/b.json") == b"replaced"
    with pytest.raises(StoreError, match=r"a/b\.json: damaged"):
        store.read_json("a/b.json")
    assert store.local_path is None


def test_of_sixteen_that_create_an_object_one_wins(store: Store) -> None:
    ready = threading.Barrier(16)

    def create(index: int) -> bool:
        ready.wait()
        return store.create("race", b"%d" % index)

    for _ in range(2):
        with ThreadPoolExecutor(16) as pool:
            won = list(pool.map(create, range(16)))
        assert sum(won) == 1
        assert store.read("race") == b"%d" % won.index(True)
        store.remove("race")


def test_names_beyond_one_page(store: Store) -> None:
    keys = [f"ledger/cube/done/r{row}c{column}.json" for row in range(35) for column in range(30)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: store.write(key, b"{}"), keys))
    store.write("ledger/cube/done-not/x.json", b"{}")
    assert sorted(store.names("ledger/cube/done")) == sorted(keys)
    written = [at for _, at in store.entries("ledger/cube/done")]
    assert max(abs(time.time() - at) for at in written) < 120
    assert sorted(store.folders("ledger/cube")) == ["ledger/cube/done", "ledger/cube/done-not"]
    store.delete("ledger/cube/done")
    assert list(store.names("")) == ["ledger/cube/done-not/x.json"]


def test_delete_and_remove_take_what_is_gone(store: Store) -> None:
    store.write("one", b"1")
    store.delete("one")
    store.delete("one")
    store.remove("one")
    assert list(store.names("")) == []


@pytest.mark.parametrize("size", [100, BIG], ids=["small", "in parts"])
def test_a_written_file_appears_whole_or_not_at_all(store: Store, size: int) -> None:
    data = np.random.default_rng(0).bytes(size)
    with store.writing_file("products/a.tif") as path:
        path.write_bytes(data)
        assert store.read("products/a.tif") is None
    assert store.read("products/a.tif") == data
    with suppress(ZeroDivisionError), store.writing_file("products/b.tif") as path:
        path.write_bytes(data)
        _ = 1 / 0
    assert list(store.names("")) == ["products/a.tif"]


def test_layers_have_the_same_objects_as_in_a_folder(store: Store, tmp_path: Path) -> None:
    local = Store(str(tmp_path / "store"))
    grid = survey_grid(tile_survey("unused", 2, 2))
    values = np.random.default_rng(0).random((10, 64, 64), dtype=np.float32)
    values[:, 5, 7] = np.nan
    for one in (store, local):
        arrays = [stacked([f"l{i}" for i in range(10)])]
        layers = one.create_layers("cube.zarr", grid, arrays, {"a": 1})
        for tile in grid.tiles:
            layers.write_tile(grid, tile, values[(slice(None), *grid.window(tile).slices)])
    names = sorted(local.names("cube.zarr"))
    assert sorted(store.names("cube.zarr")) == names
    assert all(store.read(name) == local.read(name) for name in names)
    opened = store.layers("cube.zarr")
    np.testing.assert_array_equal(opened.read(Window(0, 64, 0, 64)), values)
    some = opened.read(Window(10, 50, 20, 40), ["l9", "l0"])
    np.testing.assert_array_equal(some, values[[9, 0], 10:50, 20:40])
    with pytest.raises(StoreError, match=r"features\.zarr: not there"):
        store.layers("features.zarr")
    store.write_json(
        "survey.json", {"name": "far", "format": FORMAT, "grid": {"crs": "EPSG:32649"}}
    )
    cube = mc.open_store(store.url).cube["layers"]
    np.testing.assert_array_equal(cube.sel(layer="l3").values, values[3])
    assert cube.rio.crs.to_epsg() == 32649


def test_the_probe_leaves_nothing(store: Store) -> None:
    probe(store)
    assert list(store.names("")) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong-secret"}, "SignatureDoesNotMatch"),
        ({"AWS_ACCESS_KEY_ID": "wrong-name"}, "InvalidAccessKeyId"),
    ],
)
@pytest.mark.parametrize(
    "act",
    [
        lambda store: store.read("a"),
        lambda store: store.create("a", b"1"),
        lambda store: list(store.names("")),
        lambda store: store.folders(""),
        lambda store: store.layers("cube.zarr"),
    ],
    ids=["read", "create", "names", "folders", "layers"],
)
def test_wrong_keys_are_told_without_the_keys(
    s3: Server,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, str],
    said: str,
    act: Callable[[Store], object],
) -> None:
    for name, value in changes.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StoreError, match="AWS_ACCESS_KEY_ID") as caught:
        act(Store(place()))
    text = str(caught.value)
    assert said in text
    assert caught.value.exit_code == 2
    assert not any(key in text for key in (s3.user.name, s3.user.secret, *changes.values()))
    assert "\n" not in text


def test_a_missing_bucket_is_named(s3: Server) -> None:
    run = number_survey("s3://no-such-bucket/survey")
    with pytest.raises(StoreError, match="no such bucket; make it") as caught:
        run("catalog")
    assert caught.value.exit_code == 2


def test_a_store_without_keys_is_refused_soon(s3: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    start = time.monotonic()
    with pytest.raises(StoreError, match="AWS_ACCESS_KEY_ID"):
        Store(place()).read("a")
    assert time.monotonic() - start < 10


def test_no_key_is_written_anywhere(s3: Server) -> None:
    url = place()
    number_survey(url)("features")
    store = Store(url)
    for name in store.names(""):
        content = store.read(name) or b""
        assert s3.user.name.encode() not in content
        assert s3.user.secret.encode() not in content


def test_a_document_of_a_catalog_is_read_from_a_bucket(s3: Server, store: Store) -> None:
    store.write_json("catalog/item.json", {"id": "a"})
    access = catalog_access(s3.environment()["AWS_ENDPOINT_URL"])
    assert read_json(f"{store.url}/catalog/item.json", access) == {"id": "a"}
    with pytest.raises(SurveyError, match="does not exist"):
        read_json(f"{store.url}/catalog/none.json", access)


def number_survey(url: str) -> Callable[[str], None]:
    return Run(tile_survey(url, 2, 2), number_stages(), Silent()).until


@pytest.fixture
def faults(s3: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Faults]:
    """A server whose requests fail once this is told to."""
    faults = Faults()
    with faulty_s3(s3.port, faults) as port:
        for name, value in s3.environment(port).items():
            monkeypatch.setenv(name, value)
        yield faults


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_of_the_server_is_survived(faults: Faults, kind: str) -> None:
    store = Store(place())
    faults.kinds, faults.once = (kind,), True
    data = np.random.default_rng(0).bytes(100_000)
    start = time.monotonic()
    store.write("a/b", data)
    assert store.read("a/b") == data
    assert list(store.names("a")) == ["a/b"]
    assert store.folders("") == ["a"]
    store.create("a/c", b"c")  # whether it was this call may be unknown
    assert store.read("a/c") == b"c"
    with store.writing_file("a/d") as path:
        path.write_bytes(bytes(BIG))
    assert store.read("a/d") == bytes(BIG)
    store.delete("a")
    assert list(store.names("")) == []
    assert time.monotonic() - start < 20
    assert faults.count[kind] >= 8


@pytest.mark.parametrize("kind", ["lost answer", "500 though done"])
def test_a_claim_whose_answer_was_lost_is_held(faults: Faults, kind: str) -> None:
    leases = Leases(Store(place()), "leases", 60)
    faults.kinds, faults.once = (kind,), True
    assert leases.take("r0c0").attempt == 1
    with pytest.raises(HeldError):
        leases.take("r0c0")


def test_a_server_that_stays_away_is_an_invitation_to_try_again(
    s3: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = {**bucket.RETRY, "retry_timeout": timedelta(seconds=1)}
    monkeypatch.setattr(bucket, "RETRY", short)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(UnreachableError, match="does not answer") as caught:
        Store(place()).read("a")
    assert isinstance(caught.value, TryAgainError)
    assert caught.value.exit_code == 75
