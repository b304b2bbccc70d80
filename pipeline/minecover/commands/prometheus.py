"""The status of a survey for Prometheus, in its text exposition format 0.0.4.

Written to a file for the text-file collector of its node exporter, or answered by whatever runs
`minecover status --prometheus` on request. Only the ledger is read, so it is all the same where
and on which engine the survey runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from minecover.ledger.status import StageStatus

__all__ = ["exposition"]

HELP = {
    "minecover_stage_done": "Whether the stage is done (1) or not (0).",
    "minecover_stage_running": "Whether anybody is at the stage now (1) or not (0).",
    "minecover_stage_seconds": "Time that the run took which ended the stage.",
    "minecover_tiles": "Tiles of a stage by state; open: none of the other states.",
    "minecover_tile_retries": "Leases that ended unfinished, each followed by another.",
    "minecover_tile_rate": "Tiles a second, over the last quarter of an hour.",
    "minecover_stage_left_seconds": "Time left at that rate.",
}
"""Metrics in the order they are written; all are gauges, for a retry takes tiles back."""

Sample = tuple[str, dict[str, str], float]


def exposition(survey: str, statuses: Sequence[StageStatus]) -> str:
    """Lay out the status of the stages of a survey.

    Parameters
    ----------
    survey
        Its name: the label `survey` of every sample.
    statuses
        Of `survey_status`.
    """
    samples = [sample for status in statuses for sample in _samples(status)]
    lines = []
    for name, text in HELP.items():
        lines += [f"# HELP {name} {text}", f"# TYPE {name} gauge"]
        for metric, labels, value in samples:
            if metric == name:
                every = {"survey": survey, **labels}
                written = ",".join(f'{key}="{_escaped(value)}"' for key, value in every.items())
                lines.append(f"{name}{{{written}}} {value:.12g}")
    return "\n".join(lines) + "\n"


def _samples(status: StageStatus) -> Iterator[Sample]:
    stage = {"stage": status.stage}
    yield "minecover_stage_done", stage, float(status.state == "done")
    yield "minecover_stage_running", stage, float(status.state == "running")
    if status.seconds is not None:
        yield "minecover_stage_seconds", stage, status.seconds
    if status.left is not None:
        yield "minecover_stage_left_seconds", stage, status.left
    if status.tiles is None:
        return
    counts = {name: getattr(status, name) for name in ("done", "failed", "running", "expired")}
    for state, count in {**counts, "open": status.tiles - sum(counts.values())}.items():
        yield "minecover_tiles", {**stage, "state": state}, float(max(0, count))
    yield "minecover_tile_retries", stage, float(status.retries)
    if status.rate is not None:
        yield "minecover_tile_rate", stage, status.rate


def _escaped(text: str) -> str:
    """As the format wants label values."""
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
