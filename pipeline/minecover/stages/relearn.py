"""The stage in which a network that reads all periods together learns from maps of them."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator, Mapping

from minecover.errors import SurveyError
from minecover.ledger.markers import Ledger
from minecover.models.period_task import CROP, PeriodTask, drawn_pixels
from minecover.stages.chain import learn_chain
from minecover.stages.period_ground import (
    StoredPeriods,
    network_layers,
    period_shape,
    reference_maps,
)
from minecover.stages.registry import PURPOSES
from minecover.storage.canonical_json import Json
from minecover.storage.identity import known_store
from minecover.storage.location import content_digest
from minecover.storage.names import PERIOD_NETWORK_FILE
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.transitions.network_settings import NetworkSettings
from minecover.workflow.cost import StageCost, Volumes, Workload
from minecover.workflow.progress import Facts
from minecover.workflow.stage import Stage, StageContext, Workspace

__all__ = ["RELEARN", "relearn_periods"]

LATER = {"weight", "reference", "carried_from"}
"""Settings of the network that are for the combination alone, or told by what they name."""


def relearn_periods(context: StageContext) -> Facts:
    """Learn from the maps of all periods, or take another survey's network."""
    workspace = context.workspace
    settings, store = _settings(workspace.survey), workspace.store
    if settings.carried_from is not None:
        data = _carried(workspace)
        store.write(PERIOD_NETWORK_FILE, data)
        return {"from": _survey_named_in(data)}
    return _learned(context, settings, store)


def _learned(context: StageContext, settings: NetworkSettings, store: Store) -> Facts:
    from minecover.models.network.period_learning import learn_periods

    workspace = context.workspace
    survey = workspace.survey
    if settings.reference is None:
        learn_chain(survey, store, workspace.grid)
    layers, sharp = network_layers(survey)
    about: dict[str, Json] = {
        "survey": survey.name,
        "fingerprint": context.fingerprint,
        "minecover": importlib.metadata.version("minecover"),
    }
    task = PeriodTask(
        settings, survey.engine, layers, sharp, survey.class_codes,
        StoredPeriods(store.url, survey), store, context.fingerprint, context.report,
    )  # fmt: skip
    reader, history = learn_periods(task)
    reader.save(store, about)
    return {**history.facts, "rounds": list(history.records)}


def _settings(survey: Survey) -> NetworkSettings:
    settings = survey.change.network
    assert settings is not None  # the survey has this stage
    return settings


def _carried(workspace: Workspace) -> bytes:
    """Read the network of another survey, and check that it fits this one.

    Raises
    ------
    SurveyError
        It is this survey's own store, or the network reads other layers or tells other classes.
    DataError
        There is none, or it is damaged.
    """
    from minecover.models.network.period_reader import PeriodReader

    survey, place = workspace.survey, _settings(workspace.survey).carried_from
    assert place is not None
    key = f"change.network.carried_from: {place}"
    if place.rstrip("/") == survey.store.rstrip("/"):
        raise SurveyError(f"{key} is the survey's own store; give that of another survey")
    source = known_store(place)
    reader = PeriodReader.load(source)
    lacking = sorted(set(reader.layers) - set(network_layers(survey)[0]))
    if lacking:
        raise SurveyError(
            f"{key}: its network reads {', '.join(lacking)}, which this survey does not observe; "
            "give the seasons and sources the names that they have there"
        )
    if list(reader.classes.items()) != list(survey.class_codes.items()):
        raise SurveyError(
            f"{key}: its network knows {_listed(reader.classes)}, this survey "
            f"{_listed(survey.class_codes)}; give it the same classes, in this order"
        )
    data = source.read(PERIOD_NETWORK_FILE)
    assert data is not None  # it was read
    return data


def _survey_named_in(data: bytes) -> str:
    from minecover.models.network.season_start import description_in

    return str(description_in(data).get("survey"))


def _listed(classes: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({code})" for name, code in classes.items())


def _depends_on(workspace: Workspace) -> Json:
    """Give what it is made of: settings, what is known of transitions, and files of others."""
    survey = workspace.survey
    settings, change = _settings(survey), survey.change
    spans = {name: [str(day) for day in span] for name, span in survey.spans.items()}
    told: list[Json] = [
        settings.model_dump(mode="json", exclude=LATER),
        change.model_dump(mode="json", exclude={"network", "fill"}),
        spans,
        list(survey.prediction.border_features),
    ]
    if settings.reference is not None:
        told.append(_digest(settings.reference))
    if settings.carried_from is not None:
        told.append(_origin(settings.carried_from))
    return told


def _digest(reference: str) -> str:
    advice = "give a raster of class codes with a band for each period"
    return content_digest(reference, "change.network.reference", advice)


def _origin(place: str) -> Json:
    """Fingerprint of the network that is carried; None where there is none yet."""
    known = Ledger(known_store(place)).stage(RELEARN.name)
    return None if known is None else known["fingerprint"]


def _check(workspace: Workspace) -> Iterator[str]:
    """Look at the reference or the network that the survey names."""
    settings = _settings(workspace.survey)
    if settings.reference is not None:
        maps = reference_maps(workspace.survey, workspace.grid)
        yield f"change.network.reference: {len(maps)} bands, one for each period"
    if settings.carried_from is not None:
        _carried(workspace)
        yield f"change.network.carried_from: the network of {settings.carried_from} fits"


def _steps(survey: Survey) -> int:
    settings = _settings(survey)
    return 0 if settings.carried_from is not None else settings.steps


def _units(survey: Survey, work: Workload) -> float:
    """Multiplications: of each pixel once to read it, and twice more to learn from it."""
    del work
    return 3.0 * _steps(survey) * len(survey.periods) * CROP**2 * period_shape(survey).weights


def _volume(survey: Survey, volumes: Volumes) -> tuple[float, float]:
    drawn = drawn_pixels(_steps(survey)) * len(survey.periods)
    return drawn * volumes.feature_pixel, 0.0


RELEARN = Stage(
    "relearn",
    PURPOSES["relearn"],
    _depends_on,
    relearn_periods,
    code=(
        "models", "samples/class_map.py", "stages/chain.py", "stages/period_ground.py",
        "stages/relearn.py", "transitions",
    ),
    check=_check,
    cost=StageCost(units=_units, volume=_volume, all_workers=True),
)  # fmt: skip
"""Its result: `period_network.safetensors`."""
