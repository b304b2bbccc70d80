"""Intervals of areas of change hold the truth in as many simulated designs as they say.

`python -m benchmarks.change_areas` does the same with 400 designs of larger districts.
"""

from dataclasses import replace

from benchmarks.change_areas import coverage
from benchmarks.change_designs import Population
from benchmarks.history import History

DESIGNS = 40


def test_intervals_hold_the_truth_and_the_papers_do_not() -> None:
    history = History(3, shape=(160, 200))
    population = Population.of_change(history, standard_error=0.02, minimum=40)
    asked = {
        name: population.questions[name]
        for name in ("gained mine", "gained restored", "forest -> mine")
    }
    shown = coverage(replace(population, questions=asked, ratios={}), DESIGNS).values()
    # 38 of 40 are 95 %; fewer than 34 have a chance of one in a hundred
    assert min(DESIGNS * item.share for item in shown) > 33.5
    assert sum(item.papers for item in shown) < sum(DESIGNS * item.share for item in shown)
    for item in shown:
        assert abs(item.error / DESIGNS) < 0.15 * item.truth
