"""A survey in Python: read from its file or made of objects, checked, planned and carried out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any, Self

import yaml
from pydantic import ModelWrapValidatorHandler, ValidationError, model_validator

from minecover.api.markup import survey_card
from minecover.api.spending import PriceList, budget_of, named_argument, prices_of
from minecover.errors import SurveyError
from minecover.settings import given, mistakes
from minecover.storage.location import is_url
from minecover.survey import document, places

if TYPE_CHECKING:
    from minecover.api.plan_table import PlanSheet
    from minecover.api.results import Results
    from minecover.api.scale_table import ScaleSheet
    from minecover.api.tables import Sheet
    from minecover.workflow.progress import Progress

__all__ = ["Survey", "open_survey"]


def open_survey(path: str | Path, store: str | Path | None = None) -> Survey:
    """Read and validate a survey file.

    Parameters
    ----------
    path
        The YAML file. Relative paths in it are taken from its own folder.
    store
        Folder or address instead of the survey's own; a relative path is taken from the working
        folder.

    Raises
    ------
    SurveyError
        The file is missing, is no YAML, or a key is unknown, missing or wrong.
    """
    loaded = document.load(Path(path), store=None if store is None else _folder(store))
    return Survey.model_validate(given(loaded))


class Survey(document.Survey):
    """What is mapped, from what and how: the sections of a survey file, validated and frozen.

    Parameters
    ----------
    **sections
        As in a survey file, each a mapping or an object: `name`, `area`, `seasons`, `catalog`,
        `classes` and `samples` are needed, the others have defaults. Relative paths are taken from
        the working folder. Also taken are, for `area`, a GeoDataFrame, GeoSeries or geometry (of
        shapely, in degrees), or left, bottom, right and top in degrees; for `samples`, points as a
        GeoDataFrame with their classes in the column `class`; for these two and `catalog` the name
        of a file. What is in memory is kept in the folder `inputs` of the store.

    Raises
    ------
    SurveyError
        An argument is unknown, missing or wrong, or arguments do not fit together.

    Examples
    --------
    >>> classes = [{"code": 1, "name": "mine", "colour": "#5b4a6b", "mine": True},
    ...            {"code": 2, "name": "other", "colour": "#3f7d3a"}]
    >>> survey = Survey(
    ...     name="district", area=(16.4, 50.8, 16.5, 50.9), classes=classes,
    ...     seasons={"summer": ["2023-06-01/2023-08-31"]},
    ...     catalog="https://earth-search.aws.element84.com/v1", samples="points.gpkg",
    ... )
    >>> survey.replace(model__kind="rf").model.kind
    'rf'
    """

    def __init__(self, **sections: Any) -> None:  # noqa: ANN401
        try:
            super().__init__(**sections)
        except ValidationError as error:
            raise SurveyError("\n".join(mistakes(error, named_argument, type(self)))) from error

    # pydantic then calls no `__init__` when it validates, and `replace` names its own arguments
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @model_validator(mode="wrap")
    @classmethod
    def _from_objects(cls, values: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Take objects for the sections of a survey file, and keep what is in memory."""
        if not isinstance(values, Mapping):
            return handler(values)
        # geopandas takes a second to import
        from minecover.api.inputs import take_inputs
        from minecover.api.sections import section_of

        sections = {name: section_of(name, value) for name, value in values.items()}
        store = _folder(sections.get("store", "store"))
        sections["store"] = store
        inputs = list(take_inputs(sections, store))
        survey = handler(places.anchored(sections, Path.cwd()))
        for found in inputs:
            found.write(survey.store)
        return survey

    if not TYPE_CHECKING:  # for which every kind of settings has its own arguments

        @classmethod
        def model_construct(cls, *given: object, **values: object) -> Self:
            """Refuse it: a survey is validated.

            Raises
            ------
            SurveyError
                Always.
            """
            raise SurveyError("model_construct validates nothing; make a survey by Survey(...)")

    def replace(self, **changes: object) -> Self:
        """Give the same survey with some settings replaced, validated as a whole.

        Parameters
        ----------
        **changes
            New values by name. A part of a section is named with two underscores between, as in
            `survey.replace(model__kind="rf", features__texture_window=7)`; a section may also be
            given as a whole, as for `Survey`.

        Raises
        ------
        SurveyError
            An argument has no such place, or a value that cannot be; it is named.
        """
        changed = super().replace(**changes)
        if changed.store == self.store:
            return changed
        from minecover.api.inputs import moved_inputs

        moved = moved_inputs(changed, self.store)
        return super(Survey, changed).replace(**moved) if moved else changed

    def with_model_of(self, store: str | Path) -> Self:
        """Give the same survey, to be mapped by the model of another's store."""
        from minecover.survey.carried import with_model_of

        return with_model_of(self, _folder(store))

    def save(self, path: str | Path) -> None:
        """Write the survey as a file that `open_survey` and the command line read.

        What is left to its default is left out, and paths are absolute.

        Raises
        ------
        SurveyError
            The file cannot be written.
        """
        try:
            Path(path).write_text(self._yaml(), encoding="utf-8")
        except OSError as error:
            raise SurveyError(f"path: cannot write {path}: {error.strerror}") from error

    def _yaml(self) -> str:
        content = self.model_dump(mode="json", exclude_unset=True)
        return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)

    def __repr__(self) -> str:
        """Write it as its file has it."""
        return f"<Survey\n{indent(self._yaml(), '  ')}>"

    def __str__(self) -> str:
        """Write it as `repr` does."""
        return repr(self)

    def _repr_html_(self) -> str:
        """Show in a notebook what is mapped, from what and how; the whole file is folded away."""
        return survey_card(self, self._yaml())

    def check(self) -> Sheet:
        """Check the area, the catalog and its items, and what every stage will need.

        Returns
        -------
        A table of what is right or worth a look, a row for each thing. Nothing is written.

        Raises
        ------
        MinecoverError
            All that is wrong, with how to fix it.
        """
        from minecover.api.messages import speaking_of_arguments
        from minecover.api.tables import Sheet, Table
        from minecover.planning.check import check_survey
        from minecover.planning.findings import raise_faults

        with speaking_of_arguments(self):
            findings = list(check_survey(self))
            raise_faults(findings)
        rows = [finding.text.partition(": ")[::2] for finding in findings]
        return Sheet([Table(("checked", "found"), tuple(rows), words=frozenset({"found"}))])

    def plan(self, prices: PriceList = None) -> PlanSheet:
        """Estimate what each stage takes: bytes, memory, core-hours, time and money.

        Parameters
        ----------
        prices
            A price list, as {"core_hour": 0.04, "currency": "EUR"} or the name of its file (YAML);
            None: no money.

        Returns
        -------
        Tables that show themselves; `frame` has their numbers. Nothing is written.

        Raises
        ------
        MinecoverError
            The survey's files or its store cannot be read.
        """
        from minecover.api.messages import speaking_of_arguments
        from minecover.api.plan_table import PlanSheet
        from minecover.planning.plan import plan_survey
        from minecover.stages.registry import stages_of
        from minecover.workflow.stage import Workspace

        with speaking_of_arguments(self):
            workspace = Workspace(self, stages_of(self))
            return PlanSheet(plan_survey(workspace, prices_of(prices)))

    def scale(
        self,
        workers: Sequence[int] = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
        prices: PriceList = None,
        **circumstances: Any,  # noqa: ANN401
    ) -> ScaleSheet:
        """Predict time and cost by the number of workers, from a simulation of measured tiles.

        Parameters
        ----------
        workers
            Numbers of them, each above 0.
        prices
            As for `plan`.
        **circumstances
            `start`, `renewed`, `bandwidth`, `stream`, `preemptions`, `announced` and `seed`, as the
            options of `minecover scale`.

        Returns
        -------
        A table that shows itself; `frame` has its numbers, and `mc.plot.scaling` draws it.

        Raises
        ------
        SurveyError
            A number of workers or a circumstance is unknown or cannot be.
        """
        from minecover.api.arguments import checked
        from minecover.api.messages import speaking_of_arguments
        from minecover.api.scale_table import Circumstances, scale_survey

        given = checked(Circumstances, circumstances)
        with speaking_of_arguments(self):
            return scale_survey(self, given, prices_of(prices), workers)

    def run(
        self,
        until: str | None = None,
        *,
        progress: Progress | str = "auto",
        again: bool = False,
        new_scenes: bool = False,
        prices: PriceList = None,
        budget: float | None = None,
        log: str | Path | None = None,
    ) -> Results:
        """Carry the survey out, with the checks of `minecover run`; what is complete is kept.

        An interrupted run goes on where it was when it is called again.

        Parameters
        ----------
        until
            Name of the last stage to do; None: all of them.
        progress
            `auto`: a table that fills in a notebook, a bar on a terminal, nothing elsewhere;
            `none`: nothing; or an object with the methods of `workflow.progress.Progress`.
        again
            Do the last stage also where its result is complete.
        new_scenes
            Take up what the catalog has more than was looked up, which `check` tells: only the
            tiles that it touches are composed again.
        prices, budget
            A price list as for `plan`, and how much may be spent on this survey.
        log
            File to which a line of JSON is appended for each tile.

        Raises
        ------
        SurveyError
            Something is wrong with the survey or an argument, or does not fit this machine.
        DataError
            An item, a file or a tile is bad.
        StoreError
            The store is another survey's, or full.
        BudgetError
            The budget is used up.
        TryAgainError
            A server or worker was lost; the same call goes on.
        """
        from minecover.api.messages import speaking_of_arguments
        from minecover.api.progress import shown_progress
        from minecover.api.register import refuse_unknown_to_workers
        from minecover.planning.guard import PlanGuard
        from minecover.workflow.run import run_survey

        with speaking_of_arguments(self):
            guard = PlanGuard(prices_of(prices), budget_of(budget))
            refuse_unknown_to_workers(self)
            place = None if log is None else os.fspath(log)
            with shown_progress(progress) as shown:
                options = {"again": again, "new_scenes": new_scenes}
                run_survey(self, shown, until, guard=guard, log=place, **options)
        return self.results()

    def results(self) -> Results:
        """Give what the survey's store holds by now, as xarray and pandas objects.

        Raises
        ------
        StoreError
            The survey was not begun, or its store is in another format.
        """
        from minecover.api.messages import speaking_of_arguments
        from minecover.api.results import Results
        from minecover.storage.identity import known_store

        with speaking_of_arguments(self):
            return Results(known_store(self.store), self)


def _folder(store: object) -> str:
    """Give the store as an address or an absolute path."""
    if not isinstance(store, str | os.PathLike) or not str(store).strip():
        raise SurveyError(f"store: give the name of a folder, or an address, not {store!r}")
    text = os.fspath(store)
    return text if is_url(text) else str(Path(text).expanduser().resolve())
