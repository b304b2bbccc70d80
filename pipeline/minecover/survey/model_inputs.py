"""What the model of a survey reads: which layers, and which season of which feature each is."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from minecover.models.data import ModelInputs
from minecover.models.lookup import kind_of
from minecover.models.series import Place, SeriesLayout, whole_series
from minecover.models.settings import ModelSettings
from minecover.survey.document import Survey

__all__ = ["model_inputs"]


def model_inputs(
    survey: Survey,
    chosen: Sequence[str],
    available: Collection[str] | None = None,
    model: ModelSettings | None = None,
) -> ModelInputs:
    """Say what a model reads of chosen layers: these or, where it reads series, all their seasons.

    Parameters
    ----------
    survey
        Whose seasons and features they are.
    chosen
        Names of layers, best first.
    available
        Those that may be added for other seasons; None: all features of the survey.
    model
        Another one than the survey's.
    """
    settings = model or survey.model
    kind = kind_of(settings)
    layers, series, first = tuple(chosen), None, None
    if kind.reads == "series":
        features = survey.feature_catalogue().layers
        places: dict[str, Place] = {
            layer.name: (layer.season, layer.content.name) for layer in features
        }
        usable = {name: at for name, at in places.items() if available is None or name in available}
        layers, first = whole_series(chosen, usable), layers
        series = SeriesLayout(tuple(places[name] for name in layers), tuple(survey.seasons))
    pretrained = None if settings.pretraining is None else survey.store
    return ModelInputs(layers, kind.window(settings), series, pretrained, first)
