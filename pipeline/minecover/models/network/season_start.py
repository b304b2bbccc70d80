"""Weights of a season network in a file that says what they were made of, and what fits another.

Features and seasons are found by their names. What the file does not know adds nothing at first: a
feature that is new here has weights of zero, which training moves. Layers are standardised by the
samples of the survey that trains, not as where the weights come from: pre-trained networks are
better so (benchmarks/STRZEGOM.md).
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import safetensors
import safetensors.torch
import torch

from minecover.errors import DataError, StoreError, SurveyError
from minecover.models.network.season_shape import SeasonShape
from minecover.models.network.starting import Start, Weights, read_weights
from minecover.models.series import SeriesLayout
from minecover.storage.canonical_json import Json, canonical_json
from minecover.storage.names import PRETRAINED_FILE
from minecover.storage.store import Store

__all__ = [
    "checked_description",
    "described_weights",
    "description_in",
    "pretrained_start",
    "read_description",
    "season_start",
]

ABOUT = "minecover"
"""Key of the description in the file's metadata: one, for the order of several is not kept."""

STEM, PLACE, JUDGE = "encoder.stem.conv.weight", "place", "judge.conv.weight"

ADVICE = (
    "give the pretrained.safetensors, or model/weights.safetensors, of a survey whose model.kind "
    "is seasons, or leave the key out to start from random weights"
)


def described_weights(weights: Mapping[str, torch.Tensor], about: Mapping[str, Json]) -> bytes:
    """Write weights as safetensors, with what they were made of."""
    tensors = {name: tensor.contiguous() for name, tensor in weights.items()}
    written: bytes = safetensors.torch.save(tensors, {ABOUT: canonical_json(dict(about)).decode()})
    return written


def read_description(data: bytes, where: str) -> dict[str, Any]:
    """Read what the weights of a file were made of.

    Parameters
    ----------
    data
        The file.
    where
        Its name, for messages.

    Raises
    ------
    SurveyError
        It is no file of ours, or says nothing.
    """
    try:
        description = description_in(data)
    except ValueError as error:
        raise SurveyError(f"{where}: no safetensors file, or a damaged one; {ADVICE}") from error
    if "series" not in description:
        raise SurveyError(f"{where} does not say of which features its weights are; {ADVICE}")
    return description


def description_in(data: bytes) -> dict[str, Any]:
    """Find what the weights of a file were made of; empty where it does not say.

    Raises
    ------
    ValueError
        It is no safetensors file, or damaged.
    """
    try:
        length = int.from_bytes(data[:8], "little")
        about = json.loads(data[8 : 8 + length]).get("__metadata__", {}).get(ABOUT)
        description = json.loads(about) if isinstance(about, str) else None
    except (AttributeError, RecursionError) as error:
        raise ValueError(str(error)) from error
    return description if isinstance(description, dict) else {}


def checked_description(path: str, window: int, width: float) -> str:
    """Say what the weights of `model.starting_weights` were made of, in one line.

    Raises
    ------
    SurveyError
        The file is missing, damaged or of another network.
    """
    where = f"model.starting_weights: {path}"
    data = read_weights(path)
    description = read_description(data, where)
    _check_shape(description, window, width, where)
    try:
        safetensors.torch.load(data)  # all of it is there
        series = SeriesLayout.from_json(description["series"])
        features = ", ".join((*series.features, *series.static))
        seasons = ", ".join(series.seasons)
    except (KeyError, TypeError, ValueError, safetensors.SafetensorError) as error:
        raise SurveyError(f"{where}: damaged ({error}); {ADVICE}") from error
    survey = description.get("survey")
    origin = f"of survey {survey}, " if survey else ""
    return f"{origin}{features} in {seasons}"


def pretrained_start(store: Store, shape: SeasonShape) -> Start:
    """Take what fits a network of the weights that were trained on the same ground without labels.

    Raises
    ------
    DataError
        There are none.
    StoreError
        They are damaged.
    """
    data, where = store.read(PRETRAINED_FILE), f"{store.url}/{PRETRAINED_FILE}"
    if data is None:
        raise DataError(f"{where}: missing; run `minecover pretrain`")
    try:
        return season_start(data, shape, where)
    except SurveyError as error:
        raise StoreError(f"{where}: damaged; run `minecover pretrain --again`") from error


def season_start(data: bytes, shape: SeasonShape, where: str) -> Start:
    """Take what fits a season network of a file's weights.

    Parameters
    ----------
    data, where
        The file, and its name for messages.
    shape
        Of the network that is to be trained.

    Raises
    ------
    SurveyError
        The file is damaged, or of another kind, window or width, or shares no feature or season.
    """
    description = read_description(data, where)
    _check_shape(description, shape.window, shape.width, where)
    try:
        there = SeasonShape.from_json(0, description)
        given: Weights = safetensors.torch.load(data)
        weights = _matched(given, there, shape)
    except (
        KeyError, IndexError, TypeError, ValueError, RuntimeError, safetensors.SafetensorError
    ) as error:  # fmt: skip
        raise SurveyError(f"{where}: damaged ({error}); {ADVICE}") from error
    if not all(bool(tensor.isfinite().all()) for tensor in weights.values()):
        raise SurveyError(f"{where} holds values that are not finite; {ADVICE}")
    known, wanted = _named(there), _named(shape)
    for what in ("feature", "season"):
        if known[what].isdisjoint(wanted[what]):
            names = ", ".join(sorted(known[what]))
            raise SurveyError(f"{where} knows none of the {what}s here, but {names}; {ADVICE}")
    left_out = {f"{what} {name}": "not read here" for what, name in _lacking(known, wanted)}
    fresh = tuple(f"{what} {name}" for what, name in _lacking(wanted, known))
    return Start(weights, (), {"classifier": "the head", **left_out}, fresh)


def _check_shape(description: Mapping[str, Any], window: int, width: float, where: str) -> None:
    """Refuse weights of another network.

    Raises
    ------
    SurveyError
        They are of another kind, window or width; all that differs is named.
    """
    own = {"kind": "seasons", "window": window, "width": width}
    differing = [
        f"model.{key} {description.get(key)} where this survey has {value}"
        for key, value in own.items()
        if description.get(key) != value
    ]
    if differing:
        raise SurveyError(f"{where} holds weights of {', '.join(differing)}; {ADVICE}")


def _named(shape: SeasonShape) -> dict[str, set[str]]:
    series = shape.series
    return {"feature": {*series.features, *series.static}, "season": set(series.seasons)}


def _lacking(names: Mapping[str, set[str]], there: Mapping[str, set[str]]) -> list[tuple[str, str]]:
    """Names that are not there, each with what it is of."""
    return [(what, name) for what in names for name in sorted(names[what] - there[what])]


def _matched(given: Weights, there: SeasonShape, here: SeasonShape) -> Weights:
    """Arrange the weights of a network, but those of its head, for other features and seasons."""
    columns = _positions(_features(there), _features(here))
    seasons = _positions(there.series.seasons, here.series.seasons)
    channels = here.channels
    mean, codes = given[JUDGE][:, :channels], given[JUDGE][:, channels:]
    codes = codes.reshape(len(codes), len(there.series.seasons), channels, 1, 1)
    judge = torch.cat([mean, _taken(codes, seasons, 1).flatten(1, 2)], dim=1)
    own = {
        STEM: _taken(given[STEM], columns, 1),
        PLACE: _taken(given[PLACE], seasons, 0),
        JUDGE: judge.contiguous(),
    }
    return {n: own.get(n, t) for n, t in given.items() if not n.startswith("classifier.")}


def _features(shape: SeasonShape) -> list[tuple[str, str]]:
    """Give what the first convolution reads: features of seasons, then those without one."""
    series = shape.series
    return [*(("season", n) for n in series.features), *(("", n) for n in series.static)]


def _positions(names: Sequence[Hashable], wanted: Sequence[Hashable]) -> list[int]:
    """Where each name that is wanted is among others; -1: nowhere."""
    known = {name: number for number, name in enumerate(names)}
    return [known.get(name, -1) for name in wanted]


def _taken(tensor: torch.Tensor, positions: Sequence[int], axis: int) -> torch.Tensor:
    """Take slices along an axis; zeros where the position is -1."""
    shape = list(tensor.shape)
    shape[axis] = 1
    padded = torch.cat([tensor.float(), tensor.new_zeros(shape).float()], dim=axis)
    return padded.index_select(axis, torch.tensor([p % padded.shape[axis] for p in positions]))
