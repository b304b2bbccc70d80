"""Settings of how readings of several periods are combined."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Self

from pydantic import Field, model_validator

from minecover.settings import Section
from minecover.transitions.network_settings import NetworkSettings

__all__ = ["ANY", "ARROW", "ChangeSettings"]

ARROW = "->"
"""Between the classes of a transition, in the survey file and in tables."""

ANY = "any"
"""Stands for every class in the name of a transition."""

Share = Annotated[float, Field(ge=0, lt=1)]


class ChangeSettings(Section):
    """How the maps of a survey's periods become one history."""

    combine: bool = Field(
        True,
        description="combine the probabilities of the periods (a hidden Markov model); false: "
        "every period is mapped by itself",
    )
    persistence: float = Field(
        0.9,
        gt=0,
        lt=1,
        description="share of the pixels of a class that are still of it a year later, as far as "
        "`transitions` does not say otherwise",
    )
    transitions: dict[str, Share] = Field(
        default_factory=dict,
        description="share of the pixels of one class that become another within a year, as "
        "`mine -> forest: 0`, which never happens, or `any -> mine: 0.01`; those named with "
        "`any` give way to those that name both classes",
    )
    priors: dict[str, Annotated[float, Field(gt=0)]] | None = Field(
        None,
        description="weight that each class had where the model learned, by name; null: they "
        "weighed the same, as they do with model.class_weights: balanced",
    )
    weight: float = Field(
        1.0,
        gt=0,
        le=1,
        description="power to which the likelihood of a period is raised: 1: the periods err "
        "independently of each other; less, as 0.9, where they err alike, as at borders: less is "
        "mapped as change that is none",
    )
    learn: bool = Field(
        False,
        description="learn from the readings how often each class turns into each other one, and "
        "which share each has in the first period; `persistence` and `transitions` are where "
        "learning begins, and what never happens by them never does",
    )
    network: NetworkSettings | None = Field(
        None,
        description="read all periods once more, together, by a network that learned from maps "
        "where borders run; null: each is read by the survey's model alone",
    )
    fill: bool = Field(
        False,
        description="give a class also where a period saw nothing, by what the others saw there",
    )

    @model_validator(mode="after")
    def _network_of_combined_periods(self) -> Self:
        if self.network is not None and not self.combine:
            raise ValueError("network: it reads periods that are combined; set combine: true")
        return self

    @model_validator(mode="after")
    def _named_by_two(self) -> Self:
        for name in self.transitions:
            before, after = classes_of(name)
            if before == after:
                raise ValueError(
                    f"transitions: {name!r} is no transition; how much stays is `persistence`"
                )
        return self

    def check_classes(self, names: Collection[str]) -> None:
        """Raise `ValueError` unless all classes that are named are among `names`."""
        for transition in self.transitions:
            for name in classes_of(transition):
                if name not in names and name != ANY:
                    raise ValueError(
                        f"change.transitions: {transition!r} names {name!r}, which is no class of "
                        f"the survey; it has {', '.join(names)}"
                    )
        if self.priors is not None and set(self.priors) != set(names):
            raise ValueError(
                f"change.priors is of {', '.join(self.priors)}; give one for each class: "
                f"{', '.join(names)}"
            )


def classes_of(transition: str) -> tuple[str, str]:
    """Split the name of a transition into its two classes.

    Raises
    ------
    ValueError
        It has another form.
    """
    names = [name.strip() for name in transition.split(ARROW)]
    if len(names) != 2 or not all(names):
        raise ValueError(
            f"transitions: {transition!r} is no transition; write `from {ARROW} to`, as "
            f"`forest {ARROW} mine`"
        )
    return names[0], names[1]
