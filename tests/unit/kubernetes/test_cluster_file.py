"""The file that describes a cluster, and what follows from it for its surveys."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from _manifest_samples import IMAGE, survey
from minecover.commands.app import app
from minecover.errors import SurveyError
from minecover.kubernetes.cluster import Cluster, load_cluster
from minecover.kubernetes.plan import plan_cluster
from minecover.kubernetes.render import render, render_admin
from minecover.kubernetes.request import Request
from minecover.survey import Survey

SHARED = Cluster(training_storage_class="files")


def test_the_cluster_is_an_administrators(dongsheng: Survey, tmp_path: Path) -> None:
    """A survey writes nothing that belongs to no namespace; `--admin` writes that, and alone."""
    kinds = {
        item["kind"]
        for name, text in render(plan_cluster(dongsheng, Request(IMAGE))).items()
        if name.endswith(".yaml")
        for item in yaml.safe_load_all(text)
    }
    assert not kinds & {"Namespace", "ClusterQueue", "ResourceFlavor", "LocalQueue"}
    file = tmp_path / "cluster.yaml"
    file.write_text(
        "namespace: surveys\nkueue: v1beta1\n"
        "pools: {spot: {labels: {cloud.example.org/spot: 'true'}, "
        "quota: {cpu: 400, memory: 1600Gi, disk: 2000Gi}}}\n"
    )
    arguments = ["manifests", "--admin", "--cluster", str(file), "--out", str(tmp_path / "admin")]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    assert {path.name for path in (tmp_path / "admin").iterdir()} == {
        "kustomization.yaml", "namespace.yaml", "queues.yaml",
    }  # fmt: skip
    text = (tmp_path / "admin" / "queues.yaml").read_text(encoding="utf-8")
    flavour, queue, local = yaml.safe_load_all(text)
    assert flavour["spec"] == {"nodeLabels": {"cloud.example.org/spot": "true"}}
    assert queue["spec"]["cohort"] == "minecover"
    group = queue["spec"]["resourceGroups"][0]
    assert group["coveredResources"] == ["cpu", "memory", "ephemeral-storage"]
    amounts = [resource["nominalQuota"] for resource in group["flavors"][0]["resources"]]
    assert amounts == [400, "1600Gi", "2000Gi"]
    assert (local["metadata"]["namespace"], local["metadata"]["name"]) == ("surveys", "minecover")
    with pytest.raises(SurveyError, match="--admin: no pool has a quota"):
        render_admin(Cluster())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("namespace: Not A Name", "namespace: .*not a name in Kubernetes"),
        ("nodes: 3", "nodes: unknown"),
        ("kueue: v1", "kueue: "),
        ("node_disk: 1Gi", "node_disk: 1Gi: every pod needs 4352Mi"),
        ("proxies: {https: 'http://me:secret@proxy'}", "proxies.https: holds a password"),
        ("pools: {spot: {labels: {'a b': c}}}", "a b: no key of labels"),
        ("pools: {spot: {labels: {a: b}, quota: {cpu: 1, memory: '4', disk: 1Gi}}}", "write it as"),
        ("pools: {spot: {labels: {a: 'b-é-c'}}}", "pools.spot.labels.a: "),
        ("[", "not a YAML file"),
        ("namespace: 2021-13-01", "cannot read it: month must be in"),
    ],
)
def test_mistakes_in_a_cluster_file_are_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text(text)
    with pytest.raises(SurveyError, match=message) as caught:
        load_cluster(file)
    assert str(file) in str(caught.value)
    assert "me:secret" not in str(caught.value)


def test_a_survey_that_no_quota_admits_is_refused(dongsheng: Survey) -> None:
    small = {"labels": {"a": "b"}, "quota": {"cpu": 1, "memory": "1Gi", "disk": "20Gi"}}
    cluster = Cluster.model_validate({"pools": {"spot": small}})
    # a pod on tiles of this survey has 2 GiB
    with pytest.raises(SurveyError, match=r"pool spot .* needs memory 2048Mi of 1024Mi"):
        render(plan_cluster(dongsheng, Request(IMAGE, cluster=cluster)))
    alone = Request(IMAGE, cluster=cluster, overlays=("one-machine", "gpu-pool"))
    assert render(plan_cluster(dongsheng, alone))


def test_where_ray_is_not_installed_overlays_without_it_are_written(
    dongsheng: Survey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    several = survey(tmp_path, store="s3://b/p", engine={"training_workers": 4})
    whole = Request(IMAGE, cluster=SHARED)
    assert "rayVersion:" in render(plan_cluster(several, whole))["overlays/spot-pool/ray.yaml"]

    def version(package: str) -> str:
        raise importlib.metadata.PackageNotFoundError(package)

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert render(plan_cluster(dongsheng, Request(IMAGE, overlays=("one-machine",))))
    with pytest.raises(SurveyError, match=r"Ray is not installed here, .* --overlay"):
        render(plan_cluster(several, whole))


def test_training_needs_no_shared_volume(dongsheng: Survey, tmp_path: Path) -> None:
    files = render(plan_cluster(dongsheng, Request(IMAGE)))
    assert not any("ReadWriteMany" in text or "/training" in text for text in files.values())
    assert "overlays/spot-pool/ray.yaml" not in files  # trained by a Job on an on-demand node
    several = survey(tmp_path, store="s3://b/p", engine={"training_workers": 4})
    with pytest.raises(SurveyError, match=r"engine\.training_workers: 4 .*training_storage_class"):
        plan_cluster(several, Request(IMAGE))
    assert plan_cluster(several, Request(IMAGE, overlays=("one-machine",)))
    shared = render(plan_cluster(several, Request(IMAGE, cluster=SHARED)))
    assert "storageClassName: files" in shared["overlays/spot-pool/ray.yaml"]


def test_identities_do_without_a_secret(dongsheng: Survey) -> None:
    cluster = Cluster.model_validate(
        {"identity": {"annotations": {"eks.amazonaws.com/role-arn": "arn"}, "secret": False}}
    )
    files = render(plan_cluster(dongsheng, Request(IMAGE, cluster=cluster)))
    account = next(yaml.safe_load_all(files["base/setup.yaml"]))
    assert account["metadata"]["annotations"] == {"eks.amazonaws.com/role-arn": "arn"}
    assert not any("dongsheng-store" in text for text in files.values())
