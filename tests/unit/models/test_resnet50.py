"""The network: its window, its reference, and reading whole against reading patches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.models.resnet.configuration_resnet import ResNetConfig
from transformers.models.resnet.modeling_resnet import (
    ResNetBottleNeckLayer,
    ResNetForImageClassification,
)

from minecover.arrays import Float32Array
from minecover.engines.threads import torch_threads
from minecover.errors import StoreError, SurveyError
from minecover.models.lookup import load_classifier
from minecover.models.network import reading
from minecover.models.network.architecture import Architecture, kernel_sizes
from minecover.models.network.classifier import NetworkClassifier
from minecover.models.network.layers import Bottleneck, ConvNorm, ResNet50
from minecover.models.network.networks import Precision, for_reading
from minecover.models.standardise import Standardiser
from minecover.models.vote import Vote
from minecover.storage.store import Store
from read_in_parts import read_in_parts


def used_network(architecture: Architecture, seed: int = 0) -> ResNet50:
    """A network whose batch norms have statistics and whose blocks all contribute."""
    torch.manual_seed(seed)
    network = ResNet50(architecture)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(std=0.1)
            module.running_mean.data.normal_(std=0.1)  # type: ignore[union-attr]
            module.running_var.data.uniform_(0.5, 1.5)  # type: ignore[union-attr]
    for block in network.blocks:
        block.expand.norm.weight.data.mul_(0.2)  # type: ignore[union-attr, operator]
    # scores of about one: a saturated softmax would hide every difference
    network.classifier.weight.data.normal_(std=0.08)
    return network.eval()


def classifier(window: int, layers: int = 4, width: float = 0.125) -> NetworkClassifier:
    architecture = Architecture(layers, 3, kernel_sizes(window), width)
    return NetworkClassifier(
        layers=tuple(f"layer{i}" for i in range(layers)),
        classes=(1, 2, 5),
        architecture=architecture,
        weights=used_network(architecture).state_dict(),
        standardiser=Standardiser((1.0,) * layers, (2.0,) * layers),
    )


def block(height: int, width: int, layers: int = 4, seed: int = 0) -> Float32Array:
    rng = np.random.default_rng(seed)
    return rng.normal(1.0, 2.0, (layers, height, width)).astype(np.float32)


@given(st.integers(1, 17))
def test_kernels_add_up_to_the_window(half: int) -> None:
    kernels = kernel_sizes(2 * half + 1)
    assert len(kernels) == 17
    assert 1 + sum(kernel - 1 for kernel in kernels) == 2 * half + 1
    assert Architecture(1, 2, kernels).halo == half


@pytest.mark.parametrize("window", [0, 4, 37])
def test_a_window_that_cannot_be_is_refused(window: int) -> None:
    with pytest.raises(SurveyError, match=f"model.window: {window}"):
        kernel_sizes(window)


@pytest.mark.parametrize("window", [1, 5, 9])
def test_the_network_sees_exactly_its_window(window: int) -> None:
    model = classifier(window)
    margin = 1
    patch = block(window + 2 * margin, window + 2 * margin)
    before = model.predict(patch)[:, margin, margin]
    outside, inside = patch.copy(), patch.copy()
    outside[:, 0, :] = outside[:, :, -1] = 9.0
    inside[:, margin, margin] = -9.0
    np.testing.assert_allclose(model.predict(outside)[:, margin, margin], before, atol=1e-6)
    assert np.abs(model.predict(inside)[:, margin, margin] - before).max() > 1e-6


def test_a_patch_of_the_window_gives_one_pixel_with_every_kernel_wide() -> None:
    model = classifier(35)
    assert set(model.architecture.kernels) == {3}
    assert model.predict(block(35, 35)).shape == (3, 1, 1)


def test_full_size_is_resnet50_but_for_its_stem() -> None:
    with torch.device("meta"):
        ours = ResNet50(Architecture(3, 1000, kernel_sizes(35)))
        theirs = ResNetForImageClassification(ResNetConfig(num_channels=3, num_labels=1000))
    count, reference = (sum(p.numel() for p in net.parameters()) for net in (ours, theirs))
    assert reference == 25_557_032
    assert count == reference - 7 * 7 * 3 * 64 + 3 * 3 * 3 * 64


@pytest.mark.parametrize(("inputs", "outputs"), [(16, 32), (32, 32)])
def test_a_block_equals_that_of_transformers_where_padding_does_not_reach(
    inputs: int, outputs: int
) -> None:
    torch.manual_seed(1)
    theirs = ResNetBottleNeckLayer(inputs, outputs, stride=1).eval()
    for buffer in theirs.buffers():
        if buffer.is_floating_point():
            buffer.uniform_(0.5, 1.5)
    ours = Bottleneck(inputs, outputs // 4, outputs, kernel=3).eval()
    pairs = list(zip((ours.reduce, ours.spatial, ours.expand), theirs.layer, strict=True))
    if ours.shortcut is not None:
        pairs.append((ours.shortcut, theirs.shortcut))
    for mine, reference in pairs:
        assert isinstance(mine, ConvNorm)
        mine.conv.load_state_dict(reference.convolution.state_dict())
        mine.norm.load_state_dict(reference.normalization.state_dict())
    x = torch.randn(2, inputs, 9, 9)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x)[:, :, 1:-1, 1:-1], atol=1e-5, rtol=1e-5)


def test_folding_the_batch_norm_changes_nothing() -> None:
    model = classifier(7)
    x = block(12, 12)
    plain = used_network(model.architecture)
    with torch.no_grad():
        scores = plain(torch.from_numpy(model.standardiser.apply(x))[None])
    expected = scores.softmax(dim=1)[0].numpy()
    np.testing.assert_allclose(model.predict(x), expected, atol=1e-5)


@pytest.mark.parametrize("window", [1, 9, 17])
def test_read_over_a_tile_equals_patch_by_patch(window: int) -> None:
    model = classifier(window)
    x = block(window + 7, window + 4)
    dense = model.predict(x)
    patches = np.lib.stride_tricks.sliding_window_view(x, (window, window), axis=(1, 2))
    flat = np.moveaxis(patches, 0, 2).reshape(-1, 4, window, window)
    single = model.probabilities(np.ascontiguousarray(flat))[:, :, 0, 0]
    np.testing.assert_allclose(dense.reshape(3, -1), single.T, atol=1e-4)
    np.testing.assert_allclose(dense.sum(axis=0), 1.0, atol=1e-5)
    assert dense.max() < 0.99


@pytest.mark.parametrize("window", [1, 9, 17])
def test_both_readings_give_the_same_probabilities(window: int) -> None:
    model = classifier(window)
    x = block(window + 7, window + 4)
    x[1, window // 2 + 2, window // 2 + 3] = np.nan
    dense, patch = model.predict(x), model.with_reading("patch").predict(x)
    assert np.isnan(dense).any(axis=0).sum() == 1
    np.testing.assert_allclose(patch, dense, atol=1e-4)
    voters = Vote.of("resnet50", (model, model.with_temperature(2.0)))
    several = np.stack([x, x[:, ::-1]])
    np.testing.assert_allclose(
        voters.with_reading("patch").predict_each(several), voters.predict_each(several), atol=1e-4
    )


def test_patches_are_read_in_parts_that_memory_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PATCH_PIXELS", 5 * 81)
    seen: list[int] = []
    model = classifier(9).with_reading("patch")
    x = block(12, 14)
    expected = model.predict(x)
    true = NetworkClassifier.probabilities

    def counting(self: NetworkClassifier, patches: Float32Array) -> Float32Array:
        seen.append(len(patches))
        return true(self, patches)

    monkeypatch.setattr(NetworkClassifier, "probabilities", counting)
    np.testing.assert_allclose(model.predict(x), expected, atol=1e-6)
    assert seen == [5, 5, 5, 5, 4]


def test_several_blocks_give_what_each_gives() -> None:
    model = classifier(5)
    blocks = np.stack([block(8, 9, seed=seed) for seed in range(3)])
    blocks[1] = np.nan
    each = np.stack([model.predict(one) for one in blocks])
    np.testing.assert_allclose(model.predict_each(blocks), each, atol=1e-5)
    assert np.isnan(model.predict_each(blocks[1:2])).all()


@settings(deadline=None, max_examples=8)
@given(st.integers(1, 11), st.integers(1, 11))
def test_cut_anywhere_gives_the_same_numbers(row: int, column: int) -> None:
    model = classifier(9)
    x = block(20, 20)
    whole = model.predict(x)
    assert whole.shape == (3, 12, 12)
    np.testing.assert_allclose(read_in_parts(model, x, row, column), whole, atol=1e-4)


def test_nodata_at_the_pixel_itself_is_nodata_and_around_it_is_the_mean() -> None:
    model = classifier(5)
    x = block(10, 10)
    x[2, 4, 5] = np.nan
    out = model.predict(x)
    expected = np.zeros((6, 6), dtype=bool)
    expected[2, 3] = True
    assert (np.isnan(out) == expected).all()
    filled = x.copy()
    filled[2, 4, 5] = model.standardiser.mean[2]
    np.testing.assert_allclose(out[:, ~expected], model.predict(filled)[:, ~expected], atol=1e-6)
    assert np.isnan(model.predict(np.full_like(x, np.nan))).all()


def test_a_block_of_other_layers_or_too_small_is_refused() -> None:
    model = classifier(5)
    with pytest.raises(ValueError, match="4 layers"):
        model.predict(block(9, 9, layers=3))
    with pytest.raises(ValueError, match="halo of 2"):
        model.predict(block(4, 9))


def test_bfloat16_stays_close() -> None:
    model = classifier(9)
    low = NetworkClassifier(**{**vars_of(model), "precision": "bfloat16"})
    x = block(20, 20)
    assert np.abs(low.predict(x) - model.predict(x)).max() < 0.05


@given(st.integers(1, 70), st.integers(1, 70), st.sampled_from(["float32", "bfloat16"]))
@settings(max_examples=5)
def test_strips_of_a_block_have_the_bytes_of_the_whole(
    height: int, width: int, precision: Precision
) -> None:
    architecture = Architecture(4, 3, kernel_sizes(9), 0.125)
    network = for_reading(architecture, used_network(architecture).state_dict(), precision)
    assert isinstance(network, ResNet50)
    x = torch.from_numpy(block(height + 8, width + 8)[None])
    x = x.to(getattr(torch, precision)).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode(), torch_threads(1):
        whole = network.classifier(network.blocks(network.stem(x)))
        assert torch.equal(network(x), whole)


def test_weights_that_are_replaced_are_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    architecture = Architecture(4, 3, kernel_sizes(5), 0.125)
    weights = used_network(architecture).state_dict()

    def drawn(*_: object, **__: object) -> None:
        raise AssertionError("on no device torch would import its compiler for this")

    monkeypatch.setattr(torch.nn.init, "kaiming_normal_", drawn)
    monkeypatch.setattr(torch.nn.init, "normal_", drawn)
    with pytest.raises(AssertionError, match="compiler"):
        ResNet50(architecture)  # as it is before training
    read = for_reading(architecture, weights, "float32")
    assert torch.equal(read.get_parameter("classifier.weight"), weights["classifier.weight"])


def vars_of(model: NetworkClassifier) -> dict[str, object]:
    names = ("layers", "classes", "architecture", "weights", "standardiser", "temperature")
    return {name: getattr(model, name) for name in names}


def test_temperature_flattens_without_changing_the_order() -> None:
    model = classifier(5)
    x = block(12, 12)
    sharp, flat = model.predict(x), model.with_temperature(3.0).predict(x)
    assert (sharp.argmax(axis=0) == flat.argmax(axis=0)).all()
    assert flat.max(axis=0).mean() < sharp.max(axis=0).mean()


def test_a_saved_model_comes_back_the_same(tmp_path: Path) -> None:
    store, model = Store(str(tmp_path)), classifier(9).with_temperature(1.5)
    model.save(store)
    again = load_classifier(store)
    assert (again.layers, again.classes, again.halo) == (model.layers, model.classes, 4)
    x = block(15, 15)
    np.testing.assert_array_equal(again.predict(x), model.predict(x))


def test_no_model_and_a_damaged_one_are_said(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    with pytest.raises(StoreError, match="minecover train"):
        load_classifier(store)
    classifier(5).save(store)
    store.write("model/weights.safetensors", b"nothing")
    with pytest.raises(StoreError, match="damaged"):
        load_classifier(store)
    other = classifier(5, width=0.25)
    other.save(Store(str(tmp_path / "other")))
    stranger = Store(str(tmp_path / "other")).read("model/weights.safetensors")
    assert stranger is not None
    store.write("model/weights.safetensors", stranger)
    with pytest.raises(StoreError, match="weights of another network"):
        load_classifier(store)
    description = store.read("model/model.json")
    assert description is not None
    store.delete("model")
    store.write("model/model.json", description)
    with pytest.raises(StoreError, match=r"weights\.safetensors: missing"):
        load_classifier(store)
