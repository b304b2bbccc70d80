"""Things of your own in the surveys of this process, as `mc.register.index("BSI", BSI)`.

What is registered here is known in this process alone. Workers of Dask and Ray are processes of
their own and know what an installed package names as an entry point (`CONTRIBUTING.md` says how);
a run that would need something from here on such workers is refused before it begins.

Each function returns what it was given. Those for classes can be written above one:

>>> from minecover.models.classical import ClassicalKind
>>> @model("extra_trees")
... class ExtraTrees(ClassicalKind):
...     name, label = "extra_trees", "extremely randomised trees"
...     trusted = frozenset({"sklearn.tree._tree.Tree"})
...
...     def estimator(self, task):
...         from sklearn.ensemble import ExtraTreesClassifier
...
...         return ExtraTreesClassifier(500, random_state=task.settings.seed)
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, overload

from minecover.engines.engine import Engine
from minecover.engines.registry import ENGINES
from minecover.errors import SurveyError
from minecover.features.fused_indices import FusedIndices
from minecover.features.indices import PAPER_BANDS
from minecover.features.registry import INDICES
from minecover.features.spectral_index import SpectralIndex
from minecover.features.terrain import Terrain
from minecover.models.kind import ModelKind
from minecover.models.lookup import kinds_in
from minecover.models.registry import MODELS
from minecover.products.product import Product
from minecover.products.registry import PRODUCTS
from minecover.registry import Registry
from minecover.sources.cloud_mask import CloudMask
from minecover.sources.registry import CLOUD_MASKS, SOURCES, named_masks
from minecover.sources.source import Source
from minecover.stages.registry import STAGES, stages_of
from minecover.storage.fingerprint import home_of
from minecover.survey import Survey
from minecover.workflow.stage import Stage

__all__ = ["cloud_mask", "engine", "index", "model", "product", "source", "stage"]

FEATURES = {
    *PAPER_BANDS, *(band.replace("B0", "B") for band in PAPER_BANDS), *FusedIndices.outputs[-3:],
    *Terrain.outputs, *("VV", "VH", "elevation"),
}  # fmt: skip
"""Layers and features, beside spectral indices and texture, that no index may be called like."""

S = TypeVar("S", bound=type[Source[Any]])
C = TypeVar("C", bound=type[CloudMask[Any]])
K = TypeVar("K", bound=ModelKind | type[ModelKind])
P = TypeVar("P", bound=Product[Any] | type[Product[Any]])


def index(name: str, thing: SpectralIndex) -> SpectralIndex:
    """Add a spectral index; a survey computes it where `features__indices` names it.

    Raises
    ------
    SurveyError
        minecover has one of that name, among its other features too, it has another name itself, or
        it is something else.
    """
    if name in FEATURES or str(name).startswith("GLCM_"):
        raise SurveyError(f"{name!r} is a feature of minecover's already; give another name")
    own = INDICES.own_names()
    if isinstance(thing, SpectralIndex) and name not in own and thing.name != name:
        raise SurveyError(f"{name!r} is called {thing.name!r} itself; register it by that name")
    return INDICES.register(name, thing, _home(thing, "compute"))


@overload
def source(name: str, thing: S) -> S: ...


@overload
def source(name: str) -> Callable[[S], S]: ...


def source(name: str, thing: S | None = None) -> S | Callable[[S], S]:
    """Add a source, a subclass of `Source`; a survey has it under `sources`.

    Raises
    ------
    SurveyError
        minecover has one of that name, or it is something else.
    """
    registered: S | Callable[[S], S] = _registered(SOURCES, name, thing)
    return registered


@overload
def cloud_mask(name: str, thing: C) -> C: ...


@overload
def cloud_mask(name: str) -> Callable[[C], C]: ...


def cloud_mask(name: str, thing: C | None = None) -> C | Callable[[C], C]:
    """Add a `CloudMask`; a survey has it under `cloud_masks` of an optical source.

    Raises
    ------
    SurveyError
        It is something else.
    """
    registered: C | Callable[[C], C] = _registered(CLOUD_MASKS, name, thing)
    return registered


@overload
def model(name: str, thing: K) -> K: ...


@overload
def model(name: str) -> Callable[[K], K]: ...


def model(name: str, thing: K | None = None) -> K | Callable[[K], K]:
    """Add a kind of model, a `ModelKind` or the class of one; a survey has it by `model__kind`.

    Raises
    ------
    SurveyError
        minecover has one of that name, it is something else, or lacks a method that it promises.
    """
    registered: K | Callable[[K], K] = _registered(MODELS, name, thing, made=True)
    return registered


@overload
def product(name: str, thing: P) -> P: ...


@overload
def product(name: str) -> Callable[[P], P]: ...


def product(name: str, thing: P | None = None) -> P | Callable[[P], P]:
    """Add a product, a `Product` or the class of one; a survey publishes it where it names it.

    Raises
    ------
    SurveyError
        minecover has one of that name, or it is something else.
    """
    registered: P | Callable[[P], P] = _registered(PRODUCTS, name, thing, made=True)
    return registered


def stage(name: str, thing: Stage) -> Stage:
    """Add a stage; a survey has it under `stages`.

    Raises
    ------
    SurveyError
        minecover has one of that name, or it is something else.
    """
    return STAGES.register(name, thing, _home(thing, "work"))


def engine(name: str, thing: Engine) -> Engine:
    """Add an engine; a survey works on it where `engine__tiles` or `engine__prediction` names it.

    Raises
    ------
    SurveyError
        minecover has one of that name, or it is something else.
    """
    return ENGINES.register(name, thing, _home(thing, "run"))


def refuse_unknown_to_workers(survey: Survey) -> None:
    """Refuse what is known in this process alone on engines whose workers are other processes.

    Raises
    ------
    SurveyError
        It names the thing, the argument that asks for it and that of the engine.
    """
    here = list(_only_here(survey))
    for one in stages_of(survey):
        name = one.engine(survey) if one.has_tiles(survey) else ""
        if here and ENGINES.is_own(name) and not ENGINES[name].alone:
            argument, thing = here[0]
            raise SurveyError(
                f"{argument}: {thing} was registered in this process, and the workers of {name}, "
                f"on which the stage {one.name} runs, are other processes that do not know it. "
                "Run it with engine__tiles='local' and engine__prediction='local', or put it into "
                "a package that names it as an entry point"
            )


def _only_here(survey: Survey) -> Iterator[tuple[str, str]]:
    """Give the argument and the name of what workers need and only this process knows."""
    used: list[tuple[str, Registry[Any], tuple[str, ...]]] = [
        ("features__indices", INDICES, survey.features.indices),
        ("sources", SOURCES, tuple(survey.sources)),
        *(
            (f"sources__{name}__cloud_masks", CLOUD_MASKS, named_masks(section))
            for name, section in survey.sources.items()
        ),
        ("model__kind", MODELS, kinds_in(survey.model)),
        ("stages", STAGES, tuple(survey.stages)),
    ]
    for argument, registry, names in used:
        for name in names:
            if registry.is_only_here(name):
                yield argument, f"the {registry.noun} {name!r}"


def _registered(
    registry: Registry[Any],
    name: str,
    thing: Any,  # noqa: ANN401
    *,
    made: bool = False,
) -> Any:  # noqa: ANN401
    """Register a thing, or give what does so with the class that it stands above.

    Parameters
    ----------
    registry, name, thing
        Where, as what, and what; None: what stands below.
    made
        Whether the registry holds instances: one is made of a class.
    """
    if thing is None:
        return lambda below: _registered(registry, name, below, made=made)
    kind = thing if isinstance(thing, type) else type(thing)
    registry.register(name, kind() if made and kind is thing else thing, _home(kind))
    return thing


def _home(thing: object, code: str = "") -> str:
    """Name the module or cell of what decides results: the code of a thing, or where it is added.

    Parameters
    ----------
    thing, code
        A class, or something else and the name of its function.
    """
    home = home_of(getattr(thing, code, type(thing)) if code else thing)
    if getattr(sys.modules.get(home), "__file__", None) or home not in sys.modules:
        return home
    frame = sys._getframe()  # a class in a notebook without any method
    while frame.f_globals["__name__"] == __name__ and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code.co_filename
