"""Weights that a network starts from: what is taken of a file, and which files are refused."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
import yaml
from torch import nn

from minecover.commands.app import main
from minecover.engines.settings import EngineSettings
from minecover.errors import SurveyError
from minecover.kubernetes.inputs import local_files, pod_survey
from minecover.models.data import TrainingData
from minecover.models.lookup import fingerprint_settings
from minecover.models.network.architecture import Architecture, kernel_sizes
from minecover.models.network.checkpoints import Clock, FolderCheckpoints
from minecover.models.network.classifier import NetworkClassifier
from minecover.models.network.layers import ResNet50
from minecover.models.network.starting import Start, starting_weights
from minecover.models.settings import ModelSettings
from minecover.models.training import train
from minecover.stages.registry import STAGES, stages_of
from minecover.stages.train import TRAIN
from minecover.survey import Survey, load
from minecover.workflow.stage import Workspace
from small_map import survey

ENGINE = EngineSettings(training="local", workers=1, threads=1)
BLOCKS = ((3, 64), (4, 128), (6, 256), (3, 512))


def written(path: Path, weights: dict[str, torch.Tensor]) -> str:
    safetensors.torch.save_file({name: value.contiguous() for name, value in weights.items()}, path)
    return str(path)


def ours(layers: int, window: int = 9, width: float = 0.125, seed: int = 1) -> ResNet50:
    torch.manual_seed(seed)
    network = ResNet50(Architecture(layers, 3, kernel_sizes(window), width))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return network


def torchvision_names() -> dict[str, torch.Tensor]:
    """A ResNet-50 with names and shapes of torchvision 0.20 (`resnet50().state_dict()`)."""
    weights = {"conv1.weight": torch.randn(64, 3, 7, 7)}
    norms = {"bn1": 64}
    inputs = 64
    for stage, (count, inner) in enumerate(BLOCKS, start=1):
        for block in range(count):
            name = f"layer{stage}.{block}"
            weights[f"{name}.conv1.weight"] = torch.randn(inner, inputs, 1, 1)
            weights[f"{name}.conv2.weight"] = torch.randn(inner, inner, 3, 3)
            weights[f"{name}.conv3.weight"] = torch.randn(4 * inner, inner, 1, 1)
            norms |= {f"{name}.bn1": inner, f"{name}.bn2": inner, f"{name}.bn3": 4 * inner}
            if block == 0:
                weights[f"{name}.downsample.0.weight"] = torch.randn(4 * inner, inputs, 1, 1)
                norms[f"{name}.downsample.1"] = 4 * inner
            inputs = 4 * inner
    for name, channels in norms.items():
        for what in ("weight", "bias", "running_mean", "running_var"):
            weights[f"{name}.{what}"] = torch.rand(channels)
        weights[f"{name}.num_batches_tracked"] = torch.tensor(7)
    return weights | {"fc.weight": torch.randn(1000, 2048), "fc.bias": torch.randn(1000)}


def test_a_network_of_ours_is_taken_whole_but_for_its_head(tmp_path: Path) -> None:
    donor = ours(4)
    start = starting_weights(
        written(tmp_path / "a.safetensors", donor.state_dict()), donor.architecture
    )
    assert start.left_out == {"classifier.bias": "the head", "classifier.weight": "the head"}
    assert start.adapted == ()
    network = ours(4, seed=2)
    own_head = network.classifier.weight.clone()
    start.apply(network)
    theirs = donor.state_dict()
    assert all(
        torch.equal(value, theirs[name]) != name.startswith("classifier.weight")
        for name, value in network.state_dict().items()
        if name != "classifier.bias"
    )
    assert torch.equal(network.classifier.weight, own_head)


def test_the_first_convolution_is_adapted_to_other_layers(tmp_path: Path) -> None:
    """The same value in every layer gives what it gave the donor."""
    donor, wanted = ours(4).eval(), ours(7, seed=2)
    file = written(tmp_path / "a.safetensors", donor.state_dict())
    start = starting_weights(file, wanted.architecture)
    assert start.adapted == ("stem.conv.weight",)
    start.apply(wanted)
    flat = torch.randn(2, 1, 9, 9)
    with torch.no_grad():
        expected = donor.stem(flat.expand(-1, 4, -1, -1))
        found = wanted.eval().stem(flat.expand(-1, 7, -1, -1))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_a_network_of_torchvision_gives_its_body_where_shapes_fit(tmp_path: Path) -> None:
    """Window 17: the 3 x 3 kernels of the stem and of the first seven blocks."""
    given = torchvision_names()
    architecture = Architecture(30, 6, kernel_sizes(17))
    start = starting_weights(written(tmp_path / "tv.safetensors", given), architecture)
    assert torch.equal(
        start.weights["blocks.3.spatial.conv.weight"], given["layer2.0.conv2.weight"]
    )
    assert torch.equal(
        start.weights["blocks.15.expand.norm.running_var"], given["layer4.2.bn3.running_var"]
    )
    assert torch.equal(
        start.weights["blocks.7.shortcut.conv.weight"], given["layer3.0.downsample.0.weight"]
    )
    left = set(start.left_out)
    assert start.left_out["conv1.weight"] == "64 x 3 x 7 x 7 where the network has 64 x 30 x 3 x 3"
    assert start.left_out["bn1.weight"] == "its convolution is not taken"
    assert start.left_out["fc.weight"] == "the head"
    assert {name for name in left if ".conv" in name} == {
        *(f"layer3.{block}.conv2.weight" for block in range(6)),
        *(f"layer4.{block}.conv2.weight" for block in range(3)),
    }
    assert len(start.weights) + len(left) == len(given)
    whole = Architecture(30, 6, kernel_sizes(35))
    left = set(starting_weights(str(tmp_path / "tv.safetensors"), whole).left_out)
    assert {name.split(".")[0] for name in left} == {"conv1", "bn1", "fc"}


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({"a": torch.zeros(2)}, "no convolution in .* fits this network"),
        ({"stem.conv.weight": torch.full((8, 4, 3, 3), torch.nan)}, "not finite"),
        ({}, "no convolution in .* fits this network .empty."),
    ],
)
def test_files_without_use_are_refused(
    weights: dict[str, torch.Tensor], said: str, tmp_path: Path
) -> None:
    with pytest.raises(SurveyError, match=f"model.starting_weights: .*{said}"):
        starting_weights(written(tmp_path / "a.safetensors", weights), ours(4).architecture)


def test_missing_and_damaged_files_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    with pytest.raises(SurveyError, match="cannot read"):
        starting_weights(str(file), ours(4).architecture)
    file.write_bytes(b"nothing of the kind")
    with pytest.raises(SurveyError, match="is no safetensors file, or a damaged one"):
        starting_weights(str(file), ours(4).architecture)
    whole = Path(written(tmp_path / "b.safetensors", ours(4).state_dict())).read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SurveyError, match="damaged"):
        starting_weights(str(file), ours(4).architecture)


def test_a_pickle_is_refused_by_its_name() -> None:
    for name in ("resnet50.pt", "resnet50.pth", "weights.bin"):
        with pytest.raises(ValueError, match=r"only \.safetensors"):
            ModelSettings(starting_weights=name)


def survey_file(folder: Path, **model: object) -> Path:
    path = folder / "survey.yaml"
    document = survey(model={"window": 9, "width": 0.125, **model}).model_dump(mode="json")
    path.write_text(yaml.safe_dump(document | {"store": "store"}))
    return path


def checked(plan: Survey) -> list[str]:
    return list(TRAIN.check(Workspace(plan, stages_of(plan))))


def test_a_survey_is_held_against_its_file(tmp_path: Path) -> None:
    """A path is relative to the survey file, and what does not fit is told."""
    written(tmp_path / "a.safetensors", ours(4).state_dict())
    plan = load(survey_file(tmp_path, starting_weights="a.safetensors"))
    assert plan.model.starting_weights == str(tmp_path / "a.safetensors")
    (line,) = checked(plan)
    assert line.endswith("not taken: classifier.bias, classifier.weight")
    forest = plan.model.model_copy(update={"kind": "rf"})
    assert not checked(plan.model_copy(update={"model": forest}))
    assert not checked(load(survey_file(tmp_path)))


def test_pods_find_the_file(tmp_path: Path) -> None:
    where = {"url": "https://example.org/stac"}
    plan = survey(catalog=where, model={"starting_weights": str(tmp_path / "a.safetensors")})
    assert local_files(plan)["a.safetensors"] == tmp_path / "a.safetensors"
    assert yaml.safe_load(pod_survey(plan))["model"]["starting_weights"] == "/inputs/a.safetensors"


@pytest.mark.parametrize("content", [None, b"not safetensors"])
def test_an_unusable_file_is_one_error_before_anything_is_done(
    content: bytes | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if content is not None:
        (tmp_path / "a.safetensors").write_bytes(content)
    path = survey_file(tmp_path, starting_weights="a.safetensors")
    unchecked = replace(STAGES["samples"], check=lambda _: iter(()))
    monkeypatch.setitem(STAGES._known, "samples", unchecked)
    monkeypatch.setattr("sys.argv", ["minecover", "train", str(path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert told.count("minecover:") == 1
    assert "model.starting_weights" in told
    assert not (tmp_path / "store").exists()


def test_the_fingerprint_follows_the_content_not_the_path(tmp_path: Path) -> None:
    first = written(tmp_path / "a.safetensors", ours(4).state_dict())
    same = written(tmp_path / "b.safetensors", ours(4).state_dict())
    other = written(tmp_path / "c.safetensors", ours(4, seed=3).state_dict())
    marks = [
        fingerprint_settings(ModelSettings(starting_weights=path)) for path in (first, same, other)
    ]
    assert marks[0] == marks[1] != marks[2]
    assert marks[0]["starting_weights"] == hashlib.sha256(Path(first).read_bytes()).hexdigest()
    assert "starting_weights" not in fingerprint_settings(ModelSettings())
    assert fingerprint_settings(
        ModelSettings(kind="rf", starting_weights=first)
    ) == fingerprint_settings(ModelSettings(kind="rf"))


def test_a_training_starts_from_the_file_and_tells_so(tmp_path: Path) -> None:
    """Hardly trained, a network is still near what it started from."""
    donor = ours(2, window=5)
    file = written(tmp_path / "a.safetensors", donor.state_dict())
    settings = ModelSettings(
        window=5, width=0.125, epochs=1, batch=16, learning_rate=1e-7, starting_weights=file
    )
    rng = np.random.default_rng(0)
    labels = (np.arange(32) % 3).astype(np.int64)
    patches = rng.normal(size=(32, 2, 5, 5)).astype(np.float32)
    data = TrainingData(patches, labels, ("a", "b"), (1, 2, 3))
    model, history = train(settings, ENGINE, data, None, tmp_path / "checkpoints")
    assert isinstance(model, NetworkClassifier)
    near = model.weights["blocks.5.reduce.conv.weight"]
    torch.testing.assert_close(near, donor.state_dict()["blocks.5.reduce.conv.weight"])
    assert set(history.facts["starting_weights"]["left_out"]) == {
        "classifier.bias",
        "classifier.weight",
    }
    without = settings.model_copy(update={"starting_weights": None})
    _, plain = train(without, ENGINE, data, None, tmp_path / "checkpoints")
    assert not plain.facts


def test_workers_open_what_was_saved(tmp_path: Path) -> None:
    donor = ours(4)
    start = Start(dict(donor.state_dict()))
    start.save(tmp_path / "start")
    again = Start.open(tmp_path / "start")
    assert all(torch.equal(value, again.weights[name]) for name, value in start.weights.items())
    Start().save(tmp_path / "none")
    assert Start.open(tmp_path / "none").weights == {}


def test_only_the_first_process_keeps_a_state(tmp_path: Path) -> None:
    FolderCheckpoints(tmp_path, Clock(0), rank=1).keep({"epoch": 1}, last=True)
    assert FolderCheckpoints(tmp_path, Clock(0), rank=1).restore() is None
    FolderCheckpoints(tmp_path, Clock(0)).keep({"epoch": 2}, last=True)
    assert FolderCheckpoints(tmp_path, Clock(0), rank=1).restore() == {"epoch": 2}
