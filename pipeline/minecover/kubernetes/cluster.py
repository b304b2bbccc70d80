"""The file that describes a cluster: what its administrator knows and no survey does.

One file serves all surveys of a namespace: `minecover manifests --admin` writes the objects of
the whole cluster from it, and every survey fits itself into them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError

from minecover.errors import SurveyError
from minecover.kubernetes.disk import SMALL
from minecover.kubernetes.names import check_label, mebibytes
from minecover.kubernetes.quota import Quota
from minecover.settings import Section, mistakes, read_yaml

__all__ = ["POOLS", "Cluster", "Pool", "load_cluster"]

POOLS = ("spot", "on-demand", "gpu")
"""Pools of nodes, by the name that they have in the manifests."""


def _passing(check: Callable[[str, str], object]) -> AfterValidator:
    """Give the validator of a text: a check that also takes the name of what it is of."""

    def validate(text: str) -> str:
        try:
            check(text, "")
        except SurveyError as error:
            raise ValueError(str(error).strip()) from error
        return text

    return AfterValidator(validate)


def _key(text: str) -> str:
    """Check a key of labels and annotations: `prefix/name`, the prefix being a name of DNS."""
    prefix, name = (
        r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/",
        r"[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?",
    )
    if not re.fullmatch(f"({prefix})?{name}", text, re.ASCII):
        raise ValueError(f"{text}: no key of labels and annotations, as example.org/name")
    return text


def _node_disk(text: str) -> str:
    least = SMALL.node_disk
    if mebibytes(text) < least:
        raise ValueError(f"{text}: every pod needs {least}Mi of its node's disk")
    return text


def _open_url(text: str) -> str:
    if "@" in text:
        raise ValueError("holds a password; put it into the survey's Secret as a variable instead")
    return text


Label = Annotated[str, _passing(check_label)]
Size = Annotated[str, _passing(mebibytes)]
NodeDisk = Annotated[Size, AfterValidator(_node_disk)]
Key = Annotated[str, AfterValidator(_key)]
LabelValue = Annotated[str, Field(pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$")]
Proxy = Annotated[str, AfterValidator(_open_url)]


class Taint(Section):
    """A taint of a pool's nodes, which its pods tolerate."""

    key: Key
    value: LabelValue | None = Field(None, description="null: the taint has no value")
    effect: Literal["NoSchedule", "NoExecute", "PreferNoSchedule"] = "NoSchedule"

    @property
    def taint(self) -> dict[str, str]:
        """The taint as a node has it."""
        value = {} if self.value is None else {"value": self.value}
        return {"key": self.key, **value, "effect": self.effect}

    @property
    def toleration(self) -> dict[str, str]:
        """What a pod says that may run on such nodes."""
        operator = "Exists" if self.value is None else "Equal"
        return {**self.taint, "operator": operator}


class PoolQuota(Section):
    """What all surveys together may use of a pool."""

    cpu: int = Field(ge=1, description="cores")
    memory: Size = Field(description="as 400Gi")
    disk: Size = Field(description="of the nodes' own disks, as 1000Gi")
    gpu: int = Field(0, ge=0, description="GPUs of NVIDIA")

    @property
    def amount(self) -> Quota:
        """The same in numbers."""
        return Quota(self.cpu, mebibytes(self.memory), mebibytes(self.disk), self.gpu)


class Pool(Section):
    """Nodes of one kind."""

    labels: dict[Key, LabelValue] = Field(
        description="labels by which its nodes are found", min_length=1
    )
    taints: tuple[Taint, ...] = Field((), description="taints of its nodes")
    quota: PoolQuota | None = Field(None, description="for Kueue; `--admin` needs it")


def _pool(name: str, *taints: Taint) -> Pool:
    label = "minecover.io/pool"
    own = () if name == "on-demand" else (Taint(key=label, value=name),)
    return Pool(labels={label: name}, taints=(*own, *taints))


class Pools(Section):
    """The pools of a cluster; an overlay uses some of them."""

    spot: Pool = Field(default=_pool("spot"), description="nodes that may be taken away")
    on_demand: Pool = Field(default=_pool("on-demand"), description="nodes that stay")
    gpu: Pool = Field(
        default=_pool("gpu", Taint(key="nvidia.com/gpu")), description="nodes with GPUs"
    )

    def __getitem__(self, name: str) -> Pool:
        """Give a pool by its name in `POOLS`."""
        pool: Pool = getattr(self, name.replace("-", "_"))
        return pool


class Identity(Section):
    """Who the pods are, for a cloud that knows accounts of Kubernetes."""

    annotations: dict[Key, str] = Field(
        {}, description="of the survey's account, as eks.amazonaws.com/role-arn"
    )
    pod_labels: dict[Key, LabelValue] = Field(
        {}, description="of every pod, as azure.workload.identity/use"
    )
    variables: dict[str, str] = Field(
        {}, description="of every container: what is no secret, as AWS_REGION"
    )
    secret: bool = Field(
        True, description="whether pods read the Secret NAME-store; an identity may do without"
    )


class Proxies(Section):
    """Proxies between the pods and what lies outside the cluster."""

    http: Proxy | None = None
    https: Proxy | None = None
    without: tuple[str, ...] = Field(
        (), description="hosts and networks that are reached directly, beside the cluster's own"
    )

    @property
    def variables(self) -> dict[str, str]:
        """Variables of a container, in both spellings that programs look for."""
        found = {"http_proxy": self.http, "https_proxy": self.https}
        given = {name: url for name, url in found.items() if url is not None}
        if given:
            own = ("localhost", "127.0.0.1", ".svc", ".cluster.local")
            given["no_proxy"] = ",".join((*own, *self.without))
        return given | {name.upper(): value for name, value in given.items()}


class Cluster(Section):
    """A cluster, as `--cluster` describes it; every key has a default but the pools' quotas."""

    namespace: Label = Field("minecover", description="exists, and all surveys are in it")
    queue: Label = Field("minecover", description="LocalQueue of Kueue in that namespace")
    kueue: Literal["v1beta1", "v1beta2"] = Field(
        "v1beta2", description="version of its objects: v1beta2 from Kueue 0.15, alone from 0.20"
    )
    pools: Pools = Pools()
    identity: Identity = Identity()
    image_pull_secrets: tuple[Label, ...] = Field(
        (), description="Secrets of the namespace with which images are pulled"
    )
    proxies: Proxies = Proxies()
    storage_class: Label | None = Field(
        None, description="of volumes made for one pod; null: the cluster's default"
    )
    training_storage_class: Label | None = Field(
        None,
        description="allows ReadWriteMany: networks are then trained by Ray on several nodes, "
        "which share a volume of it; null: on one node, without any volume",
    )
    node_disk: NodeDisk = Field(
        "100Gi", description="of a node's own disk that a pod may request, as 10Gi on Autopilot"
    )
    spread: Key | None = Field(
        None, description="pods on tiles are spread over its values, as topology.kubernetes.io/zone"
    )
    monitoring: Label = Field("monitoring", description="namespace of Prometheus")


def load_cluster(path: Path | None) -> Cluster:
    """Read a cluster file; None: the defaults.

    Raises
    ------
    SurveyError
        It is missing, is no YAML, or has an unknown or wrong entry.
    """
    if path is None:
        return Cluster()
    raw = read_yaml(path, f"--cluster {path}")
    try:
        return Cluster.model_validate(raw or {})
    except ValidationError as error:
        lines = mistakes(error, lambda place: ".".join(map(str, place)) or "the file", Cluster())
        raise SurveyError("\n".join(f"--cluster {path}: {line}" for line in lines)) from error
