"""How accurate the combined maps of the periods are, by points that the models never saw."""

from __future__ import annotations

from typing import Any

import numpy as np

from minecover.accuracy.estimates import estimates, mcnemar
from minecover.accuracy.intervals import intervals
from minecover.arrays import BoolArray, Int64Array
from minecover.storage.canonical_json import Json, null_for_nan
from minecover.survey import Survey
from minecover.transitions.hidden_markov import combine_periods
from minecover.transitions.learning import Chain
from minecover.transitions.matrix import class_priors, steps_between, years_apart
from minecover.validation.readings import HeldOutReadings

__all__ = ["combined_accuracy"]

WITHOUT_NETWORK = (
    "; so is the network that reads the periods again, for it learned from maps of all points"
)

KEPT = ("overall_accuracy", "kappa", "macro_f1", "samples")


def combined_accuracy(survey: Survey, held_out: bytes, chain: Chain) -> Json:
    """Measure the accuracy of the periods by themselves and combined, at the same points.

    Points are read in all periods that have samples by a model that was trained without them, and
    these readings are combined as those of the map; periods without samples, which the map
    combines too, say nothing here.

    Parameters
    ----------
    survey
        Its classes and periods.
    held_out
        What `held_out_bytes` wrote.
    chain
        How often classes turn into each other.

    Returns
    -------
    `protocol`; `before_network`, whether a network that these points cannot judge reads the periods
    again for the maps; and by split in `splits` the combined maps' `overall_accuracy`, `kappa`,
    `macro_f1`, `samples` and `intervals`; `by_itself`, the overall accuracy without the
    combination; `corrected` and `worsened`, points that are right and wrong because of it;
    `p_value` of McNemar's test; and `periods`, the same of each. None where fewer than two periods
    have samples.
    """
    splits = HeldOutReadings.splits(held_out)
    periods = next(iter(splits.values())).periods
    if len(periods) < 2:
        return None
    return null_for_nan(
        {
            "protocol": (
                f"points that the model was trained without, read in {', '.join(periods)} and "
                "combined with the survey's settings; periods without samples, which the map "
                "combines too, are left out" + (WITHOUT_NETWORK if survey.reads_again else "")
            ),
            "before_network": survey.reads_again,
            "splits": {name: _split(survey, readings, chain) for name, readings in splits.items()},
        }
    )


def _split(survey: Survey, readings: HeldOutReadings, chain: Chain) -> dict[str, Any]:
    combined, alone = _mapped(survey, readings, chain)
    whole = np.ones(len(combined), dtype=np.bool_)
    parts = {name: readings.in_period(name) for name in readings.periods}
    return {
        **_measured(survey, readings, combined, alone, whole),
        "periods": {
            name: _measured(survey, readings, combined, alone, use)
            for name, use in parts.items()
            if use.any()
        },
    }


def _mapped(
    survey: Survey, readings: HeldOutReadings, chain: Chain
) -> tuple[Int64Array, Int64Array]:
    """(point,) codes on the combined map of a point's own period, and of that period by itself."""
    years = years_apart([survey.spans[name] for name in readings.periods])
    course, _ = combine_periods(
        np.ascontiguousarray(readings.probabilities[:, :, None]),
        steps_between(chain.rates, years),
        class_priors(survey.change, list(survey.class_codes)),
        first=chain.first,
        weight=survey.change.weight,
    )
    codes = np.array(list(survey.class_codes.values()), dtype=np.int64)
    point = np.arange(len(readings.period))
    own = readings.probabilities[readings.period, :, point]
    return codes[course[readings.period, 0, point]], codes[own.argmax(axis=1)]


def _measured(
    survey: Survey,
    readings: HeldOutReadings,
    combined: Int64Array,
    alone: Int64Array,
    use: BoolArray,
) -> dict[str, Any]:
    reference, mapped = readings.reference[use], combined[use]
    there = {*reference.tolist(), *mapped.tolist()}
    codes = {name: code for name, code in survey.class_codes.items() if code in there}
    value = estimates(reference, mapped, codes).to_dict()
    test = mcnemar(reference, mapped, alone[use])
    return {
        **{key: value[key] for key in KEPT},
        "intervals": intervals(reference, mapped, codes, readings.blocks[use]).to_dict(
            tuple(codes)
        ),
        "by_itself": float((alone[use] == reference).mean()),
        "corrected": test.only_first,
        "worsened": test.only_second,
        "p_value": test.p_value,
    }
