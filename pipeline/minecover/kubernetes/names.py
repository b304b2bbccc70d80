"""Names and quantities as Kubernetes takes them."""

from __future__ import annotations

import hashlib
import re

from minecover.errors import SurveyError

__all__ = ["check_image", "check_label", "mebibytes", "object_name", "queue_name"]

LABEL_LIMIT = 63
"""Longest label of DNS, and longest value of a label in Kubernetes."""

NAME_LIMIT = 36
"""Longest name of a survey in a cluster.

The longest names made from it are those of a RayJob (KubeRay takes 47,
for it appends the name of the Ray cluster and of its service) and the host name of an Indexed Job's
pod, `NAME-features-99999`.
"""


def object_name(survey: str) -> str:
    """Name of a survey's objects: a DNS label that begins with a letter.

    A name that is one already stays as it is. Any other is cleaned and told apart by a part of its
    SHA-256, so that two surveys never share objects.
    """
    if re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", survey) and len(survey) <= NAME_LIMIT:
        return survey
    clean = re.sub(r"[^a-z0-9]+", "-", survey.lower()).strip("-")
    if not clean or not clean[0].isalpha():
        clean = f"survey-{clean}"
    return f"{clean[: NAME_LIMIT - 9].strip('-')}-{_digest(survey)}"


def queue_name(namespace: str, survey: str) -> str:
    """Name of a survey's ClusterQueue: a DNS label that no survey of another namespace has.

    `namespace` and `survey` are names in Kubernetes; the digest tells `a-b` and `c` from `a` and
    `b-c`.
    """
    readable = f"{namespace}-{survey}"[: LABEL_LIMIT - 9].rstrip("-")
    return f"{readable}-{_digest(f'{namespace}/{survey}')}"


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
    """Return the image's reference if it names one image for good.

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
    """Read a quantity of memory as `6Gi` or `6144Mi`; `what` asks for it.

    Raises
    ------
    SurveyError
        It is no such quantity.
    """
    match = re.fullmatch(r"([1-9][0-9]*)(Mi|Gi)", text)
    if match is None:
        raise SurveyError(f"{what} {text}: write it as 6Gi or 6144Mi")
    return int(match[1]) * (1024 if match[2] == "Gi" else 1)
