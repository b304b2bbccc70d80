"""The network that reads all periods together: what it sees, its file, and how it learns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch

from minecover.arrays import Float32Array
from minecover.engines.settings import EngineSettings
from minecover.errors import DataError
from minecover.models.network.period_learning import learn_periods
from minecover.models.network.period_network import PeriodNetwork, period_network_of
from minecover.models.network.period_reader import PeriodReader
from minecover.models.network.period_shape import PeriodShape
from minecover.models.period_task import PeriodBlock, PeriodTask, drawn_pixels
from minecover.models.standardise import Standardiser
from minecover.storage.names import PERIOD_NETWORK_FILE
from minecover.storage.store import Store
from minecover.transitions.network_settings import NetworkSettings

LAYERS, CLASSES = ("summer_B4", "summer_VV"), {"ground": 1, "mine": 7}
SHAPE = PeriodShape(2, 2, 8)


class StoppedError(Exception):
    pass


@dataclass(frozen=True)
class Fields:
    """Dark ground and bright mines, which grow; the map moves their borders by two pixels.

    Attributes
    ----------
    unknown, empty
        Whether nobody knows a class, and layers without a value.
    edges
        Of the blocks that were drawn.
    """

    unknown: bool = False
    empty: tuple[str, ...] = ()
    edges: list[int] = field(default_factory=list)

    def block(self, rng: np.random.Generator, edge: int, layers: Sequence[str]) -> PeriodBlock:
        self.edges.append(edge)
        y, x = np.mgrid[:edge, :edge] / 7 + rng.uniform(0, 50, (2, 1, 1))
        shape = np.sin(x) + np.sin(y)
        mined = np.stack([shape > 0.9, shape > 0.5])
        values = np.where(mined, 3.0, 1.0) + rng.normal(0, 0.2, (len(layers), *mined.shape))
        values[[name in self.empty for name in layers]] = np.nan
        values[:, :, :2] = np.nan
        places = np.roll(mined, 1, axis=-1).astype(np.int64)
        if self.unknown:
            places[:] = -1
        sure = np.ones(places.shape, np.float32)
        return PeriodBlock(np.swapaxes(values, 0, 1).astype(np.float32), places, sure)


def task(folder: Path, ground: Fields | None = None, **settings: object) -> PeriodTask:
    given = {"steps": 150, "channels": 8, "learning_rate": 1e-2, **settings}
    engine = EngineSettings(training="local", workers=1, threads=1, checkpoint_seconds=0)
    return PeriodTask(
        NetworkSettings.model_validate(given), engine, LAYERS, np.array([True, False]), CLASSES,
        ground or Fields(), Store(str(folder)), "1",
    )  # fmt: skip


def network(shape: PeriodShape = SHAPE) -> PeriodNetwork:
    torch.manual_seed(0)
    return period_network_of(shape, PeriodNetwork(shape).state_dict())


def reader(shape: PeriodShape = SHAPE) -> PeriodReader:
    scale = Standardiser((2.0,) * shape.layers, (1.0,) * shape.layers)
    return PeriodReader(LAYERS, CLASSES, shape, scale, network(shape).state_dict())


def blocks(periods: int, edge: int) -> Float32Array:
    rng = np.random.default_rng(periods)
    return rng.normal(2, 1, (periods, 2, edge, edge)).astype(np.float32)


def test_a_pixel_is_judged_by_the_halo_and_nothing_beyond() -> None:
    halo, whole = SHAPE.halo, torch.from_numpy(blocks(3, 61))
    middle = whole.shape[-1] // 2

    def scores(row: int, column: int) -> torch.Tensor:
        changed = whole.clone()
        changed[1, 0, row, column] += 100
        return network()(changed)[..., middle, middle]

    expected = network()(whole)[..., middle, middle]
    assert torch.equal(scores(middle, middle + halo + 1), expected)
    assert torch.equal(scores(middle - halo - 1, middle), expected)
    assert not torch.equal(scores(middle, middle + halo), expected)
    assert not torch.equal(scores(middle - halo, middle), expected)


@pytest.mark.parametrize("periods", [1, 2, 5])
def test_any_number_of_periods_is_read_and_each_sees_all(periods: int) -> None:
    whole = torch.from_numpy(blocks(periods, 29))
    found = network()(whole)
    assert found.shape == (periods, 2, 29, 29)
    changed = whole.clone()
    changed[-1] += 1
    assert (network()(changed) != found).flatten(1).any(dim=1).all()
    training = network().train()
    torch.testing.assert_close(training(whole), found)


def test_weights_are_counted_as_they_are() -> None:
    kernels = [p for p in PeriodNetwork(SHAPE).parameters() if p.ndim > 1]
    assert sum(p.numel() for p in kernels) == SHAPE.weights
    assert SHAPE.reading_products > SHAPE.weights


def test_a_file_holds_all_that_reading_needs(tmp_path: Path) -> None:
    store, its = Store(str(tmp_path)), reader()
    its.save(store, {"survey": "there"})
    again = PeriodReader.load(store)
    assert (again.layers, again.classes, again.shape) == (LAYERS, CLASSES, SHAPE)
    block = blocks(2, its.edge + 2 * its.halo)
    block[0, :, :40] = np.nan
    found = again.read(block)
    assert found.shape == (2, 2, its.edge, its.edge)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, its.read(block))
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


def test_a_file_that_is_missing_or_damaged_is_named(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    with pytest.raises(DataError, match=r"period_network\.safetensors: missing; run `minecover re"):
        PeriodReader.load(store)
    reader().save(store, {})
    data = store.read(PERIOD_NETWORK_FILE)
    assert data is not None
    # of other channels, and scales of another number of layers
    changes = ((b'"channels\\":8', b'"channels\\":9'), (b"[1.0,1.0]", b"[1.00001]"))
    others = [data.replace(old, new) for old, new in changes]
    nan = np.float32(np.nan).tobytes()
    for damaged in (b"", data[:50], data[:-9], *others, data[:-4] + nan):
        assert damaged != data
        store.write(PERIOD_NETWORK_FILE, damaged)
        with pytest.raises(DataError, match=r"damaged .*run `minecover relearn --again`"):
            PeriodReader.load(store)


def test_it_finds_borders_that_the_map_it_learned_from_has_wrong(tmp_path: Path) -> None:
    ground = Fields()
    its, history = learn_periods(task(tmp_path, ground))
    assert (history.facts["steps"], history.facts["layers"]) == (150, 2)
    assert [record["step"] for record in history.records] == [100, 150]
    losses = [record["loss"] for record in history.records]
    assert losses[1] < losses[0]
    assert set(ground.edges) == {32, 128}
    block = ground.block(np.random.default_rng(9), its.edge + 2 * its.halo, LAYERS)
    inner = (..., slice(its.halo, -its.halo), slice(its.halo, -its.halo))
    right = np.roll(block.places, -1, axis=-1)[inner]
    found, given = its.read(block.layers).argmax(axis=1), block.places[inner]
    assert (found == right).mean() > (given == right).mean() + 0.02


def test_a_training_that_was_stopped_ends_in_the_same_weights(tmp_path: Path) -> None:
    def stop(done: int, total: int, unit: str, note: str = "") -> None:
        assert (total, unit) == (150, "steps")
        if done == 100:
            assert note.startswith("loss ")
            raise StoppedError

    whole, _ = learn_periods(task(tmp_path / "whole", steps=150))
    given = task(tmp_path / "parts", steps=150)
    other = Store(str(tmp_path / "parts"))
    other.write("checkpoints/periods/of-another.pt", b"state")
    with pytest.raises(StoppedError):
        learn_periods(PeriodTask(**{**vars(given), "report": stop}))
    assert [*other.names("checkpoints/periods/")] == ["checkpoints/periods/1.pt"]
    resumed, history = learn_periods(given)
    assert [record["step"] for record in history.records] == [100, 150]
    assert [*other.names("checkpoints/")] == []
    for name, tensor in whole.weights.items():
        assert torch.equal(tensor, resumed.weights[name]), name


def test_layers_without_a_value_are_left_out(tmp_path: Path) -> None:
    its, history = learn_periods(task(tmp_path, Fields(empty=("summer_B4",)), steps=1))
    assert its.layers == ("summer_VV",)
    assert history.facts["layers"] == 1
    with pytest.raises(DataError, match="no layer has a value in 24 blocks"):
        learn_periods(task(tmp_path, Fields(empty=LAYERS), steps=1))
    with pytest.raises(DataError, match="no pixel of 8 blocks of the area has a class"):
        learn_periods(task(tmp_path, Fields(unknown=True), steps=1))


def test_what_is_read_of_the_area_grows_with_the_steps_alone() -> None:
    assert drawn_pixels(0) == 0
    assert drawn_pixels(100) == 8 * 128**2
    assert drawn_pixels(101) == 2 * drawn_pixels(100)
