"""Settings of the model."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from minecover.registry import registry_at
from minecover.samples.settings import RegionSettings
from minecover.settings import NameIn, Section

__all__ = [
    "ModelSettings",
    "PretrainingSettings",
    "Reading",
    "SelfTrainingSettings",
    "default_kind",
]

Reading = Literal["dense", "patch"]

SHARES_OFF = 0.01
"""By which shares of all classes may miss 1: they were rounded."""

USUAL_EPOCHS, USUAL_STEPS, SMALL_BATCH = 30, 540, 16
"""Epochs of many samples; steps that few take at least: those of 30 epochs over 1,152 in batches of
64; their smallest batch."""

KINDS = "minecover.models.registry:MODELS"
"""Registry of the kinds of model, the first of which is a survey's if it names none."""


def default_kind() -> str:
    """Name the kind of model of a survey that names none."""
    return registry_at(KINDS).own_names()[0]


class PretrainingSettings(Section):
    """What a network learns from the features of the whole area, before it is given labels."""

    steps: int = Field(800, ge=1, description="of eight crops each")
    hidden_seasons: float = Field(
        0.5, gt=0, lt=1, description="share of a crop's seasons that it is not shown"
    )
    hidden_features: float = Field(
        0.2, ge=0, lt=1, description="share of a crop's features that it is not shown"
    )


class SelfTrainingSettings(Section):
    """Pixels that nobody labelled as further samples: those that the model is surest of."""

    share: float = Field(
        1.0,
        gt=0,
        le=4,
        allow_inf_nan=False,
        description="pixels of each class, for one labelled sample of it",
    )
    weight: float = Field(
        0.5,
        gt=0,
        le=1,
        allow_inf_nan=False,
        description="of a pixel, where a labelled sample weighs 1",
    )
    rounds: int = Field(
        1, ge=1, le=5, description="how often pixels are chosen anew and the model is trained again"
    )


class ModelSettings(Section):
    """The classifier and how it is trained.

    What `kind` may be is known to `minecover.models.registry`, what `options` hold to the kind.
    """

    FILES: ClassVar[tuple[str, ...]] = ("starting_weights", "carried_from")
    """Keys that name files, or a store."""

    kind: Annotated[str, NameIn(KINDS)] = Field(
        default_factory=default_kind, description="kind of model"
    )
    options: dict[str, Any] = Field(
        default_factory=dict,
        description="settings of the kind alone, where it has any",
        validate_default=True,
    )
    window: int = Field(17, ge=5, le=35, description="neighbourhood a network sees, pixels, odd")
    width: float = Field(1.0, gt=0, le=1, description="channels, as a share of the whole network's")
    members: int = Field(
        1,
        ge=1,
        le=20,
        description="networks of different seeds whose probabilities are averaged: each costs as "
        "much again in training and reading, three are clearly better than one",
    )
    epochs: int | None = Field(
        None,
        ge=1,
        description="of a network, at most: early stopping may end sooner; null: 30, and where "
        "samples are few as many as take 540 steps, with a smaller batch and more patience",
    )
    patience: int = Field(10, ge=1, description="epochs without a better blocked validation loss")
    batch: int = Field(64, ge=2, description="samples of one step over all workers")
    learning_rate: float = Field(1e-3, gt=0, description="highest of the schedule (AdamW)")
    weight_decay: float = Field(0.05, ge=0, description="of AdamW")
    class_weights: Literal["balanced", "area", "none"] = Field(
        "none",
        description="balanced: every class weighs the same in training, whatever its number of "
        "points; area: as much as its share of the ground ({confval}`model.class_shares`); none: "
        "every point weighs the same",
    )
    class_shares: dict[int, Annotated[float, Field(gt=0, le=1)]] | None = Field(
        None,
        description="share of the ground of every class, by its name or code, as an area design "
        "estimates it; null: nobody knows",
    )
    prior_shift: float = Field(
        0.0,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="how far probabilities are moved from the shares of the classes among the "
        "points to {confval}`model.class_shares`: 0: not; 1: as far as Bayes' rule has it (Saerens "
        "et al. 2002, 10.1162/089976602753284446); 0.5: by the root, which rare classes survive",
    )
    doubtful_labels: Literal["keep", "leave_out"] = Field(
        "keep",
        description="what becomes of points whose labels models of other blocks and similar points "
        "speak against: keep: they teach like all others; leave_out: the most doubtful do not, as "
        "many as are surely wrong by estimate. They are tested on in any case",
    )
    label_smoothing: float = Field(0.05, ge=0, lt=1, description="of a network's training loss")
    mixup: float = Field(
        0.4, ge=0, description="patches are mixed by shares drawn from Beta(mixup, mixup); 0: not"
    )
    dropout: float = Field(0.2, ge=0, lt=1, description="of a network's last features")
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="arithmetic of a network's training and prediction"
    )
    reading: Reading = Field(
        "dense",
        description="how a network is read: dense: over blocks as a whole; patch: one patch for "
        "each pixel, as the paper does: the same probabilities, many times slower",
    )
    starting_weights: str | None = Field(
        None,
        description="file (.safetensors) of weights that a network starts from, but for its head: "
        "of a ResNet50 one of ours, or torchvision's or timm's ResNet-50; of a season network the "
        "`pretrained.safetensors` or `model/weights.safetensors` of another survey, whose features "
        "and seasons are found by name",
    )
    pretraining: PretrainingSettings | None = Field(
        None,
        description="a network learns to tell what is hidden from it of the survey's own seasons "
        "and features, without labels, and is trained from there (the kind `seasons`); null: not",
    )
    carried_from: str | None = Field(
        None,
        description="store of another survey, whose model maps this one: nothing is chosen or "
        "trained here; kind, window, classes, seasons and features must be those of that survey",
    )
    adaptation: Literal["recalibrate", "retrain", "none"] = Field(
        "recalibrate",
        description="what samples of this survey are for where the model is carried: recalibrate: "
        "a temperature is fitted to them, which makes it surer or less sure and moves no class; "
        "retrain: it is trained anew on the samples that it came with and on these; either is kept "
        "where it helps at samples of other blocks; none: they only test it",
    )
    self_training: SelfTrainingSettings | None = Field(
        None,
        description="the model is trained once more, on pixels that it is surest of; kept only "
        "where samples of other spatial blocks become more likely by it; null: it is not tried",
    )
    regions: RegionSettings | None = Field(
        None, description="one model a region; null: one for all"
    )
    seed: int = Field(0, ge=0, description="of folds, forests, weights and augmentation")

    @property
    def all_epochs(self) -> int:
        """Epochs, where it is known of how many samples; see `for_samples`."""
        assert self.epochs is not None  # a training begins with `for_samples`
        return self.epochs

    def for_samples(self, count: int) -> Self:
        """Give the settings by which so many samples are trained on.

        Where the survey leaves the epochs to them, few samples are shown more often and in smaller
        batches: what a network learns is a matter of steps (`benchmarks/STRZEGOM.md`).
        """
        if self.epochs is not None:
            return self
        batch = min(self.batch, max(SMALL_BATCH, count // 4))
        epochs = max(USUAL_EPOCHS, math.ceil(USUAL_STEPS / max(1, round(count / batch))))
        patience = max(self.patience, epochs // 3)
        return self.replace(epochs=epochs, batch=batch, patience=patience)

    @field_validator("options")
    @classmethod
    def _of_the_kind(cls, options: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        """Check the options of a known kind, and complete them by their defaults."""
        if "kind" not in info.data:  # which is the mistake then
            return options
        checked = registry_at(KINDS)[info.data["kind"]].options_type.model_validate(options)
        completed: dict[str, Any] = checked.model_dump(mode="json")
        return completed

    @model_validator(mode="after")
    def _carried_or_trained(self) -> Self:
        if self.carried_from is not None and self.regions is not None:
            raise ValueError("regions: a model that is carried is one for all; leave them out")
        if self.carried_from is not None and self.doubtful_labels != "keep":
            raise ValueError(
                "doubtful_labels: a model that is carried has learned elsewhere; set it in the "
                "survey that trains the model"
            )
        if self.carried_from is not None and self.self_training is not None:
            raise ValueError("self_training: a model that is carried is not trained; leave it out")
        return self

    @model_validator(mode="after")
    def _pretrained_where_trained(self) -> Self:
        if self.pretraining is None:
            return self
        if not registry_at(KINDS)[self.kind].pretrains:
            able = ", ".join(kind.name for kind in registry_at(KINDS) if kind.pretrains)
            raise ValueError(
                f"pretraining: kind {self.kind} learns from labels alone; take one of {able}, or "
                "leave it out"
            )
        if self.carried_from is not None:
            raise ValueError("pretraining: a model that is carried learns elsewhere; leave it out")
        return self

    @model_validator(mode="after")
    def _shares_that_are_used(self) -> Self:
        used = self.class_weights == "area" or self.prior_shift > 0
        if used != (self.class_shares is not None):
            raise ValueError(
                "class_shares are for `class_weights: area` and `prior_shift`; "
                + ("give them" if used else "set one of these, or leave them out")
            )
        total = sum((self.class_shares or {}).values())
        if self.class_shares is not None and abs(total - 1) > SHARES_OFF:
            raise ValueError(f"class_shares sum to {total:g}, not to 1; correct them")
        if self.carried_from is not None and self.class_weights == "area":
            raise ValueError(
                "class_weights: area: a model that is carried learned as its samples weighed "
                "there; set prior_shift, which moves its probabilities to class_shares"
            )
        return self

    @model_validator(mode="after")
    def _odd_window(self) -> Self:
        if self.window % 2 == 0:
            raise ValueError(f"window is {self.window}; it must be odd")
        return self

    @field_validator("starting_weights")
    @classmethod
    def _data_alone(cls, path: str | None) -> str | None:
        if path is not None and not path.endswith(".safetensors"):
            raise ValueError(
                f"{path}: only .safetensors, which holds numbers and nothing that runs; convert "
                "other files with safetensors.torch.save_file"
            )
        return path
