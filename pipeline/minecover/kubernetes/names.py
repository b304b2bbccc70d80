"""Names and quantities in the form that Kubernetes accepts."""

from __future__ import annotations

import hashlib
import re

from minecover.errors import SurveyError

__all__ = [
    "RAY_LIMIT",
    "check_image",
    "check_label",
    "mebibytes",
    "object_name",
    "queue_name",
    "step_name",
]

LABEL_LIMIT = 63
"""Longest label of DNS, and longest value of a label in Kubernetes."""

NAME_LIMIT = 36
"""Longest name of a survey in a cluster.

The longest name made from it is the host name of an Indexed Job's pod, `NAME-STEP-99999`.
"""

STEP_LIMIT = 16
"""Longest name of a stage in a cluster, to which `-end` may be added."""

RAY_LIMIT = 47
"""Longest name of a RayJob: KubeRay adds those of the Ray cluster and of its service."""

TAKEN = ("kustomization", "setup", "survey", "tiles", "volumes")
"""Names that the manifests use beside those of stages."""


def object_name(survey: str) -> str:
    """Name of a survey's objects: a DNS label that begins with a letter.

    A name that is one already is not changed. Any other is cleaned and made unique by a part of its
    SHA-256, so that two surveys never share objects.
    """
    if _is_label(survey) and len(survey) <= NAME_LIMIT:
        return survey
    return _label(survey, "survey", NAME_LIMIT)


def step_name(stage: str) -> str:
    """Name of a stage in a cluster: as `object_name`, and none that the manifests use otherwise."""
    free = stage not in TAKEN and not stage.endswith("-end")
    if free and _is_label(stage) and len(stage) <= STEP_LIMIT:
        return stage
    return _label(stage, "stage", STEP_LIMIT)


def _is_label(text: str) -> bool:
    return re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", text) is not None


def _label(text: str, prefix: str, limit: int) -> str:
    clean = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if not clean or not clean[0].isalpha():
        clean = f"{prefix}-{clean}"
    return f"{clean[: limit - 9].strip('-')}-{_digest(text)}"


def queue_name(namespace: str, queue: str) -> str:
    """Name of the ClusterQueue behind a LocalQueue: a DNS label that no other namespace has.

    `namespace` and `queue` are names in Kubernetes; the digest keeps `a-b` and `c` apart from `a`
    and `b-c`.
    """
    readable = f"{namespace}-{queue}"[: LABEL_LIMIT - 9].rstrip("-")
    return f"{readable}-{_digest(f'{namespace}/{queue}')}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def check_label(text: str, what: str) -> str:
    """Return `text` if it is a DNS label.

    Raises
    ------
    SurveyError
        It is not.
    """
    if re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", text) is None:
        raise SurveyError(
            f"{what} {text}: not a name in Kubernetes; give at most 63 lower-case letters, digits "
            "and hyphens"
        )
    return text


def check_image(image: str, what: str) -> str:
    """Return the image's reference if it always means the same image.

    Raises
    ------
    SurveyError
        It has neither a tag nor a digest, or the tag is `latest`.
    """
    last = image.rpartition("/")[2]
    tag = last.partition("@")[0].partition(":")[2]
    if re.search(r"\s", image) or not ("@sha256:" in last or tag) or tag == "latest":
        raise SurveyError(
            f"{what} {image}: pods started on different days must run the same code; give a tag "
            "other than latest, or a digest, as in registry.example.org/minecover:0.2.0"
        )
    return image


def mebibytes(text: str, what: str = "--memory") -> int:
    """Read a quantity of memory as `6Gi` or `6144Mi`; `what` is the option that gives it.

    Raises
    ------
    SurveyError
        It is no such quantity.
    """
    match = re.fullmatch(r"([1-9][0-9]*)(Mi|Gi)", text)
    if match is None:
        raise SurveyError(f"{what} {text}: write it as 6Gi or 6144Mi")
    return int(match[1]) * (1024 if match[2] == "Gi" else 1)
