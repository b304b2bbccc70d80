"""Other packages that a survey uses: its image must contain them."""

from __future__ import annotations

from minecover.stages.registry import stages_of
from minecover.survey import Survey

__all__ = ["other_packages"]


def other_packages(survey: Survey) -> dict[str, list[str]]:
    """List other packages than minecover, each with the stages in which a survey uses it."""
    found: dict[str, list[str]] = {}
    for stage in stages_of(survey):
        packages = {module.partition(".")[0] for module in stage.other_modules(survey)}
        for package in sorted(packages):
            found.setdefault(package, []).append(stage.name)
    return found
