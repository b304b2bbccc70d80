"""Names, images and quantities as Kubernetes takes them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minecover.errors import SurveyError
from minecover.kubernetes.names import check_image, mebibytes, object_name, queue_name, step_name


@given(st.from_regex(r"[\w-]{1,80}", fullmatch=True))
def test_names_are_labels(name: str) -> None:
    made = object_name(name)
    assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", made)
    assert len(made) <= 36
    assert object_name(name) == made


@pytest.mark.parametrize("name", ["dongsheng", "a", "a-1", "x" * 36])
def test_a_label_stays_as_it_is(name: str) -> None:
    assert object_name(name) == name


@given(st.from_regex(r"[\w-]{1,40}", fullmatch=True))
def test_steps_are_labels_that_the_manifests_do_not_use_otherwise(stage: str) -> None:
    made = step_name(stage)
    assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", made)
    assert len(made) <= 16
    assert made not in {"setup", "survey", "tiles", "kustomization"}
    assert not made.endswith("-end")


def test_names_that_clean_alike_stay_apart() -> None:
    alike = ["a_b", "a-b", "A-b", "a--b_", "x" * 37, "x" * 38, "东胜", "东营", "2021"]
    assert len({object_name(name) for name in alike}) == len(alike)


def test_queues_of_different_surveys_have_different_names() -> None:
    pairs = [("a", "b-c"), ("a-b", "c"), ("a", "b"), ("n" * 63, "x" * 36), ("n" * 63, "x" * 35)]
    made = [queue_name(namespace, name) for namespace, name in pairs]
    assert len(set(made)) == len(pairs)
    for name in made:
        assert re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", name)
    assert made[2].startswith("a-b-")


@pytest.mark.parametrize(
    "image", ["minecover:1", "host:5000/a/minecover:1.2", "minecover@sha256:" + "a" * 64]
)
def test_images_of_one_version(image: str) -> None:
    assert check_image(image, "--image") == image


@pytest.mark.parametrize("image", ["minecover", "minecover:latest", "host:5000/minecover", "a b:1"])
def test_images_of_any_version_are_refused(image: str) -> None:
    with pytest.raises(SurveyError, match="--image"):
        check_image(image, "--image")


def test_memory_is_read() -> None:
    assert (mebibytes("6Gi"), mebibytes("300Mi")) == (6144, 300)
    for wrong in ("6", "6GB", "0Gi", "-1Gi", "1.5Gi"):
        with pytest.raises(SurveyError, match="--memory"):
            mebibytes(wrong)
    with pytest.raises(SurveyError, match="--stage-memory 6"):
        mebibytes("6", "--stage-memory")
