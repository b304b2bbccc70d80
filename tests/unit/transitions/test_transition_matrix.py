"""Yearly shares become probabilities of steps of any length."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from minecover.transitions.matrix import class_priors, rates, step_matrices, years_apart
from minecover.transitions.settings import ChangeSettings

NAMES = ("forest", "mine", "restored")


def test_persistence_is_what_stays_after_a_year() -> None:
    """Two classes: each leaves at q, and 1/2 + exp(-2q)/2 have the same class after a year."""
    step = step_matrices(ChangeSettings(persistence=0.9), ("a", "b"), [1.0])[0]
    assert step[0, 0] == pytest.approx(0.5 + 0.5 * 0.9**2)
    assert step[0, 0] == step[1, 1]


def test_a_named_share_is_the_one_after_a_year() -> None:
    """Nothing else leaves the class, and nothing leaves the other: 1 - p stay each year."""
    its = ChangeSettings(
        transitions={"any -> forest": 0.0, "any -> mine": 0.0, "any -> restored": 0.0,
                     "forest -> mine": 0.2}
    )  # fmt: skip
    one, three = step_matrices(its, NAMES, [1.0, 3.0])
    np.testing.assert_allclose(one[0], [0.8, 0.2, 0.0], atol=1e-12)
    np.testing.assert_allclose(three[0], [0.8**3, 1 - 0.8**3, 0.0], atol=1e-12)
    np.testing.assert_allclose(three[1:], np.eye(3)[1:], atol=1e-12)


def test_what_is_forbidden_takes_its_way_and_time() -> None:
    its = ChangeSettings(transitions={"mine -> forest": 0.0})
    year, ten = step_matrices(its, NAMES, [1.0, 10.0])
    allowed = step_matrices(ChangeSettings(), NAMES, [1.0])[0]
    assert 0 < year[1, 0] < 0.05 * allowed[1, 0]
    assert ten[1, 0] > 30 * year[1, 0]  # over restored land: it grows with the square of time


def test_names_of_both_classes_go_before_any() -> None:
    matrix = rates(ChangeSettings(transitions={"forest -> mine": 0.5, "any -> mine": 0.1}), NAMES)
    assert matrix[0, 1] == pytest.approx(-np.log(0.5))
    assert matrix[2, 1] == pytest.approx(-np.log(0.9))
    np.testing.assert_allclose(matrix.sum(axis=1), 0, atol=1e-15)


@settings(deadline=None, max_examples=30)
@given(st.floats(0.5, 0.999), st.floats(0.0, 0.9), st.floats(0.1, 5.0), st.floats(0.1, 5.0))
def test_two_steps_are_one_of_both(stays: float, share: float, one: float, other: float) -> None:
    its = ChangeSettings(persistence=stays, transitions={"mine -> restored": share})
    first, second, both = step_matrices(its, NAMES, [one, other, one + other])
    np.testing.assert_allclose(first @ second, both, atol=1e-12)
    np.testing.assert_allclose(both.sum(axis=1), 1.0, atol=1e-12)
    assert (both >= 0).all()


def test_one_period_has_no_step() -> None:
    assert step_matrices(ChangeSettings(), NAMES, []).shape == (0, 3, 3)


def test_years_are_those_between_the_middles() -> None:
    spans = [(date(2019, 3, 1), date(2019, 11, 30)), (date(2023, 3, 1), date(2023, 11, 30))]
    assert years_apart(spans) == pytest.approx([4.0], abs=0.003)
    assert years_apart(spans[:1]) == []


def test_priors_are_equal_unless_given() -> None:
    np.testing.assert_allclose(class_priors(ChangeSettings(), NAMES), 1 / 3)
    given_ = ChangeSettings(priors={"restored": 600, "forest": 200, "mine": 200})
    np.testing.assert_allclose(class_priors(given_, NAMES), [0.2, 0.2, 0.6])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"transitions": {"mine to forest": 0.1}}, "write `from -> to`"),
        ({"transitions": {"mine -> mine": 0.1}}, "how much stays is `persistence`"),
        ({"transitions": {"mine -> forest": 1.0}}, "less than 1"),
        ({"persistence": 1.0}, "less than 1"),
        ({"priors": {"mine": 0.0}}, "greater than 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ChangeSettings.model_validate(wrong)


def test_classes_that_are_none_are_named() -> None:
    with pytest.raises(ValueError, match=r"'pit -> forest' names 'pit'.*forest, mine, restored"):
        ChangeSettings(transitions={"pit -> forest": 0.0}).check_classes(NAMES)
    with pytest.raises(ValueError, match="one for each class: forest, mine, restored"):
        ChangeSettings(priors={"mine": 1.0}).check_classes(NAMES)
    ChangeSettings(transitions={"any -> mine": 0.01}, priors=dict.fromkeys(NAMES, 1)).check_classes(
        NAMES
    )
