"""Objects of a store that are not what was written: found, named, and done again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

import minecover as mc
from minecover.commands.app import app
from minecover.errors import StoreError
from minecover.geography.grid import Window
from minecover.ledger.stage_order import StageOrder
from minecover.ledger.status import survey_status
from minecover.storage.store import Store
from minecover.testing.stages import number_stages, tile_survey
from minecover.workflow.progress import Silent
from minecover.workflow.run import Run
from minecover.workflow.verify import Damage, redo, verify

NAMES = ("catalog", "cube", "features")
ORDER = StageOrder(dict.fromkeys(NAMES, "neighbours"))
TILE = "cube.zarr/layers/c/0/0/2"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("whole") / "store"
    Run(tile_survey(str(store), 1, 4), number_stages(), Silent()).until("features")
    return store


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "store"))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)


def empty(path: Path) -> None:
    path.write_bytes(b"")


HOW: dict[Callable[[Path], None], str] = {
    cut: "it has 100 bytes of ",
    flip: "it has other bytes than were written",
    empty: "it has 0 bytes of ",
    Path.unlink: "it is gone",
}


def damages(folder: Path) -> list[Damage]:
    return [found for check in verify(Store(str(folder)), NAMES) for found in check.damages]


def objects(folder: Path) -> dict[str, bytes]:
    names = ("cube.zarr", "features.zarr", "manifest.json")
    paths = (path for name in names for path in (folder / name, *(folder / name).rglob("*")))
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths if path.is_file()}


def test_every_object_that_was_written_is_read(folder: Path) -> None:
    checks = list(verify(Store(str(folder)), NAMES))
    assert sum(check.objects for check in checks) == len(objects(folder))
    assert sum(check.size for check in checks) == sum(map(len, objects(folder).values()))
    assert not any(check.damages or check.unknown for check in checks)


@pytest.mark.parametrize("damage", HOW)
def test_a_damaged_tile_is_named_and_ends_in_the_same_bytes_when_it_is_done_again(
    whole: Path, folder: Path, damage: Callable[[Path], None]
) -> None:
    damage(folder / TILE)
    (found,) = damages(folder)
    assert (found.stage, found.tile, found.key) == ("cube", "r0000c0002", TILE)
    assert found.reason.startswith(HOW[damage])
    assert redo(Store(str(folder)), [found], ORDER) == {"cube": ["r0000c0002"]}
    progress = Silent()
    Run(tile_survey(str(folder), 1, 4), number_stages(), progress).until("features")
    assert progress.counts == {"done": 1 + 3}  # and the features of its neighbours
    assert objects(folder) == objects(whole)
    assert not damages(folder)


@pytest.mark.parametrize("key", ["manifest.json", "cube.zarr/zarr.json", "features.zarr/x/c/0"])
def test_a_damaged_file_of_a_stage_has_the_stage_done_again(
    whole: Path, folder: Path, key: str
) -> None:
    flip(folder / key)
    (found,) = damages(folder)
    assert (found.tile, found.key) == (None, key)
    redo(Store(str(folder)), [found], ORDER)
    assert found.stage in [
        s.stage for s in survey_status(Store(str(folder)), NAMES) if s.state == "open"
    ]
    Run(tile_survey(str(folder), 1, 4), number_stages(), Silent()).until("features")
    assert objects(folder) == objects(whole)


@pytest.mark.parametrize("data", [b"", b'{"objects":[1]}', b'{"objects":{"a":[null,2]}}'])
def test_a_damaged_marker_is_damage(folder: Path, data: bytes) -> None:
    (marker,) = folder.glob("ledger/features/*/done/r0000c0001.json")
    marker.write_bytes(data)
    (found,) = damages(folder)
    assert (found.stage, found.tile, found.reason) == (
        "features", "r0000c0001", "its marker is damaged",
    )  # fmt: skip


@pytest.mark.parametrize("damage", [cut, flip, empty])
def test_no_damaged_shard_reads_as_pixels_or_nodata(
    folder: Path, damage: Callable[[Path], None]
) -> None:
    damage(folder / TILE)
    layers = Store(str(folder)).layers("cube.zarr")
    with pytest.raises(StoreError, match=r"tile r0000c0002 is damaged .*retry --tile r0000c0002"):
        layers.read(Window(0, 32, 0, 128))


def test_the_python_face_lists_what_is_damaged(folder: Path) -> None:
    results = mc.open_store(folder)
    assert results.verify().empty
    flip(folder / TILE)
    (row,) = results.verify().itertuples(index=False)
    assert tuple(row) == ("cube", "r0000c0002", TILE, HOW[flip])


def test_the_commands_name_what_is_damaged_and_have_it_done_again(
    folder: Path, tmp_path: Path
) -> None:
    survey, runner = tmp_path / "survey.yaml", CliRunner()
    document = tile_survey(str(folder), 1, 4).model_dump(mode="json", exclude_unset=True)
    survey.write_text(yaml.safe_dump(document))
    ran = runner.invoke(app, ["verify", str(survey)])
    assert ran.exit_code == 0, ran.output
    assert ran.output.startswith(" ✓ catalog   1 objects, 0.0 MB\n ✓ cube      ")
    cut(folder / TILE)
    ran = runner.invoke(app, ["verify", str(survey)])
    assert isinstance(ran.exception, StoreError)
    assert f"1 object(s) are not what was written:\n  cube r0000c0002: {TILE}: it has 100" in str(
        ran.exception
    )
    assert f"`minecover retry {survey} --damaged`" in str(ran.exception)
    ran = runner.invoke(app, ["retry", str(survey), "--damaged"])
    assert ran.output.endswith("cube: 1 tile(s) will be done again\n")
    ran = runner.invoke(app, ["retry", str(survey), "--damaged"])
    assert ran.output.endswith("nothing is damaged\n")
    ran = runner.invoke(app, ["retry", str(survey), "--damaged", "--failed"])
    assert "--damaged stands alone" in str(ran.exception)
