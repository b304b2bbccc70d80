"""The periods' readings combined: against every course counted out, and what must not happen."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minecover.arrays import Float32Array, Float64Array
from minecover.transitions.hidden_markov import LEAST, combine_periods
from minecover.transitions.matrix import step_matrices
from minecover.transitions.settings import ChangeSettings

NAMES = ("forest", "mine", "restored")
EQUAL = np.full(3, 1 / 3)


def readings(rng: np.random.Generator, periods: int, classes: int, n: int) -> Float32Array:
    """Probabilities of n pixels in a row, some sure, some not; some periods see nothing."""
    values = rng.dirichlet(np.full(classes, 0.5), (periods, n)).transpose(0, 2, 1)[:, :, None]
    values = np.maximum(values, 2 * LEAST)
    values[np.broadcast_to((rng.random((periods, 1, 1, n)) < 0.2), values.shape)] = np.nan
    return values.astype(np.float32)


def chain(rng: np.random.Generator, periods: int, classes: int) -> tuple[Float64Array, ...]:
    """Random steps with a transition that cannot be, and random priors."""
    steps = rng.dirichlet(np.ones(classes), (periods - 1, classes))
    steps[:, 0, classes - 1] = 0.0
    steps /= steps.sum(axis=2, keepdims=True)
    return steps, rng.dirichlet(np.full(classes, 3.0))


def all_courses(
    pixel: Float64Array, steps: Float64Array, priors: Float64Array, weight: float
) -> dict[tuple[int, ...], float]:
    """Probability of each course, up to a factor: written down one by one."""
    periods, classes = pixel.shape
    seen = ~np.isnan(pixel).any(axis=1)
    found = {}
    for course in product(range(classes), repeat=periods):
        chance = priors[course[0]]
        for t, place in enumerate(course):
            chance *= steps[t - 1, course[t - 1], place] if t else 1.0
            chance *= (pixel[t, place] / priors[place]) ** weight if seen[t] else 1.0
        found[course] = float(chance)
    return found


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 10_000), st.integers(1, 4), st.integers(2, 4), st.sampled_from([1.0, 0.6, 0.1])
)
def test_all_courses_counted_out_say_the_same(
    seed: int, periods: int, classes: int, weight: float
) -> None:
    rng = np.random.default_rng(seed)
    given_, (steps, priors) = readings(rng, periods, classes, 5), chain(rng, periods, classes)
    course, posterior = combine_periods(given_, steps, priors, weight=weight)
    for x in range(5):
        pixel = given_[:, :, 0, x].astype(np.float64)
        seen = ~np.isnan(pixel).any(axis=1)
        if seen.sum() < 2:
            continue
        chances = all_courses(pixel, steps, priors, weight)
        taken = chances[tuple(int(place) for place in course[:, 0, x])]
        assert taken == pytest.approx(max(chances.values()), rel=1e-9)
        shares = np.zeros((periods, classes))
        for way, chance in chances.items():
            shares[range(periods), way] += chance
        shares /= shares.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(posterior[:, :, 0, x], shares, rtol=1e-5, atol=1e-7)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000))
def test_one_reading_stays_what_it_is(seed: int) -> None:
    rng = np.random.default_rng(seed)
    alone = readings(rng, 1, 3, 300)
    steps, priors = chain(rng, 3, 3)
    course, posterior = combine_periods(alone, steps[:0], priors)
    np.testing.assert_array_equal(posterior, alone)
    blank = np.full_like(alone, np.nan)
    for place in range(3):
        parts = [blank, blank, blank]
        parts[place] = alone
        courses, among = combine_periods(np.concatenate(parts), steps, priors)
        np.testing.assert_array_equal(among[place], alone[0])
        np.testing.assert_array_equal(courses, np.broadcast_to(course, courses.shape))
    seen = ~np.isnan(alone[0, 0])
    np.testing.assert_array_equal(course[0][seen], alone[0].argmax(axis=0)[seen])
    assert (course[0][~seen] == -1).all()


def test_the_same_reading_in_all_periods_is_no_change() -> None:
    rng = np.random.default_rng(0)
    alone = readings(rng, 1, 3, 500)
    steps = step_matrices(ChangeSettings(), NAMES, [1.0, 4.0, 2.5])
    course, _ = combine_periods(np.repeat(alone, 4, axis=0), steps, EQUAL)
    seen = ~np.isnan(alone[0, 0])
    np.testing.assert_array_equal(
        course[:, seen], np.broadcast_to(alone[0].argmax(axis=0)[seen], (4, int(seen.sum())))
    )


def test_readings_that_know_nothing_leave_the_others_alone() -> None:
    """A period where all classes are as likely as any other says what a missing one says."""
    rng = np.random.default_rng(1)
    both = np.maximum(rng.dirichlet(np.ones(3), (4, 50)).transpose(0, 2, 1)[:, :, None], 1e-3)
    both = both.astype(np.float32)
    both[1] = np.float32(1 / 3)
    missing = both.copy()
    missing[1] = np.nan
    steps = step_matrices(ChangeSettings(), NAMES, [1.0, 1.0, 3.0])
    for one, other in zip(
        combine_periods(both, steps, EQUAL), combine_periods(missing, steps, EQUAL), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_a_period_that_nobody_saw_changes_nothing() -> None:
    """Years are years: a period without images between two others is as if it were not named."""
    rng = np.random.default_rng(2)
    seen = np.maximum(rng.dirichlet(np.ones(3), (2, 60)).transpose(0, 2, 1)[:, :, None], 1e-3)
    seen = seen.astype(np.float32)
    its = ChangeSettings(persistence=0.9, transitions={"mine -> forest": 0.0})
    gap = np.stack([seen[0], np.full_like(seen[0], np.nan), seen[1]])
    _, without = combine_periods(seen, step_matrices(its, NAMES, [3.0]), EQUAL)
    _, among = combine_periods(gap, step_matrices(its, NAMES, [1.0, 2.0]), EQUAL)
    np.testing.assert_allclose(among[[0, 2]], without, rtol=1e-5, atol=1e-7)


def test_what_cannot_be_is_not_mapped() -> None:
    """Each period by itself would be restored land, then forest, which cannot follow."""
    its = ChangeSettings(
        persistence=0.97, transitions={"mine -> forest": 0.0, "restored -> forest": 0.0}
    )
    pixel = np.array([[0.23, 0.02, 0.75], [0.18, 0.77, 0.05]], dtype=np.float32)[:, :, None, None]
    course, posterior = combine_periods(pixel, step_matrices(its, NAMES, [1.0]), EQUAL)
    assert posterior[:, :, 0, 0].argmax(axis=1).tolist() == [2, 0]
    assert course[:, 0, 0].tolist() == [0, 0]


def test_one_odd_reading_does_not_flicker() -> None:
    """A burnt or clouded year among four: 0.8 for mine once, forest before and after."""
    steps = step_matrices(ChangeSettings(), NAMES, [1.0, 1.0, 1.0])
    forest, odd = [0.9, 0.07, 0.03], [0.15, 0.8, 0.05]
    pixels = np.array([forest, odd, forest, forest], dtype=np.float32)[:, :, None, None]
    course, _ = combine_periods(pixels, steps, EQUAL)
    assert course[:, 0, 0].tolist() == [0, 0, 0, 0]
    opened = np.array([forest, forest, odd, [0.02, 0.95, 0.03]], np.float32)[:, :, None, None]
    assert combine_periods(opened, steps, EQUAL)[0][:, 0, 0].tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("threads", [1, 3])
def test_the_same_bytes_however_it_is_cut(threads: int) -> None:
    rng = np.random.default_rng(3)
    values = readings(rng, 3, 4, 37 * 150).reshape(3, 4, 37, 150)
    steps, priors = chain(rng, 3, 4)
    course, posterior = combine_periods(values, steps, priors, threads)
    for rows, columns in [(slice(0, 5), slice(3, 140)), (slice(20, 37), slice(149, 150))]:
        part = values[:, :, rows, columns]
        its_course, its_posterior = combine_periods(part, steps, priors)
        np.testing.assert_array_equal(its_course, course[:, rows, columns])
        np.testing.assert_array_equal(its_posterior, posterior[:, :, rows, columns])


def test_certainty_against_certainty_is_decided() -> None:
    """Two periods that are sure of classes between which nothing leads: the first of equals."""
    steps = np.eye(3)[None]
    sure = np.array([[1, 0, 0], [0, 1, 0]], dtype=np.float32)[:, :, None, None]
    course, posterior = combine_periods(sure, steps, EQUAL)
    assert course[:, 0, 0].tolist() == [0, 0]
    np.testing.assert_allclose(posterior[:, :2, 0, 0], 0.5, atol=1e-4)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="2 periods and 3 classes"):
        combine_periods(np.ones((2, 3, 1, 1), np.float32), np.eye(3)[None][:0], EQUAL)
