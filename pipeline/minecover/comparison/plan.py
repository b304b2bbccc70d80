"""What a comparison trains: each model on each set of layers, under each split, for each seed.

A trial is one training and its test. Every trial of a seed meets the same points in training and
in testing, so that models and sets can be compared point by point.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from minecover.errors import SurveyError
from minecover.models.registry import MODELS
from minecover.survey import Survey

__all__ = ["RANKED", "SETS", "SPLITS", "Fold", "LayerChoice", "Options", "Trial", "plan"]

RANKED = {
    "forest": "layers chosen by the forest",
    "relieff": "layers chosen by Relief-F",
    "both": "layers chosen by both",
}
"""Sets of layers that are chosen, on the training points of each fold alone."""

SETS = {"all": "all layers", **RANKED}
"""Sets of layers that are compared."""

SPLITS = {"block": "spatial blocks", "random": "random split"}
"""How points are divided, as the assess stage does."""


@dataclass(frozen=True)
class Options:
    """What is compared.

    Attributes
    ----------
    seeds
        How many; the first is the survey's own. A seed decides the folds and the model's draws.
    models, sets
        Of `MODELS` and `SETS`; without a choice, the models of this package.
    folds
        Tested per split and seed; None: as many as the survey's assessment tests.
    ablation
        Whether sources and seasons are left out one by one.
    ablation_model
        The kind that goes without them; None: the survey's own.
    search
        Whether parameters are searched for, of the models that have any.
    """

    seeds: int = 3
    models: tuple[str, ...] = MODELS.own_names()
    sets: tuple[str, ...] = tuple(SETS)
    folds: int | None = None
    ablation: bool = True
    ablation_model: str | None = None
    search: bool = False

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise SurveyError(f"--seeds: {self.seeds}; give 1 or more")
        if self.folds is not None and self.folds < 1:
            raise SurveyError(f"--folds: {self.folds}; give 1 or more")
        _known("--models", self.models, MODELS.names())
        _known("--sets", self.sets, tuple(SETS))
        if self.ablation_model is not None:
            _known("--ablation-model", [self.ablation_model], MODELS.names())


def _known(option: str, given: Sequence[str], known: Sequence[str]) -> None:
    strange = [name for name in given if name not in known]
    if strange or not given or len(set(given)) < len(given):
        listed = ", ".join(strange) or ", ".join(given) or "nothing"
        raise SurveyError(f"{option}: {listed}; give each once, of {', '.join(known)}")


@dataclass(frozen=True)
class Fold:
    """A fold that is tested: of which split, drawn by which seed."""

    split: str
    seed: int
    fold: int

    @property
    def name(self) -> str:
        """As `block-s0-f0`."""
        return f"{self.split}-s{self.seed}-f{self.fold}"


@dataclass(frozen=True)
class LayerChoice:
    """Layers chosen from the training points of a fold.

    Attributes
    ----------
    method
        Of `RANKED`.
    fold
        Whose test points are left out.
    curve
        Whether the accuracy along the ranking is wanted even where the survey says how many
        layers to keep.
    """

    method: str
    fold: Fold
    curve: bool = False

    @property
    def name(self) -> str:
        """Of its document."""
        return f"layers-{self.method}-{self.fold.name}{'-curve' if self.curve else ''}"


@dataclass(frozen=True)
class Trial:
    """One model trained on one set of layers without one fold, and tested on that fold.

    Attributes
    ----------
    model
        Of `MODELS`.
    layers
        Of `SETS`, or `without-source-NAME` and `without-season-NAME`: all layers but those.
    fold
        The fold.
    searched
        Whether the model's parameters are searched for.
    """

    model: str
    layers: str
    fold: Fold
    searched: bool = False

    @property
    def name(self) -> str:
        """Of its document."""
        return f"{self.model}-{self.layers}-{self.fold.name}{'-searched' if self.searched else ''}"


def plan(options: Options, survey: Survey) -> tuple[list[LayerChoice], list[Trial]]:
    """List what is to be chosen first, and the trials that follow, ablation last.

    Parameters
    ----------
    options
        What is compared.
    survey
        Its sources and seasons are what the ablation leaves out.
    """
    folds = list(_folds(options, survey))
    choices = [
        LayerChoice(name, fold, curve=index == 0)
        for index, fold in enumerate(folds)
        for name in options.sets
        if name in RANKED
    ]
    trials = [
        Trial(model, name, fold, _is_searched(options, model))
        for fold in folds
        for name in options.sets
        for model in options.models
    ]
    if options.ablation:
        kind = options.ablation_model or survey.model.kind
        trials += [
            Trial(kind, name, fold, _is_searched(options, kind))
            for fold in folds
            if fold.split == "block"
            for name in ("all", *left_out(survey))
        ]
    return choices, list(dict.fromkeys(trials))


def _is_searched(options: Options, model: str) -> bool:
    return options.search and bool(MODELS[model].parameters)


def _folds(options: Options, survey: Survey) -> Iterator[Fold]:
    wanted = options.folds or survey.assessment.folds
    for seed in range(survey.model.seed, survey.model.seed + options.seeds):
        for split in SPLITS:
            for fold in range(min(wanted, survey.samples.folds)):
                yield Fold(split, seed, fold)


def left_out(survey: Survey) -> list[str]:
    """Name the layer sets that lack one source or one season; one alone cannot be left out."""
    sources, seasons = tuple(survey.sources), tuple(survey.seasons)
    return [
        *(f"without-source-{name}" for name in sources if len(sources) > 1),
        *(f"without-season-{name}" for name in seasons if len(seasons) > 1),
    ]
