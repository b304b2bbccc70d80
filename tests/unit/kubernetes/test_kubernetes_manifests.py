"""What `minecover manifests` works out, refuses and writes."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from _manifest_samples import geopackage, write_points
from _manifest_schemas import built
from minecover.commands.app import app
from minecover.errors import SurveyError
from minecover.kubernetes.cluster import Cluster, load_cluster
from minecover.kubernetes.disk import NODE_DISK, products_scratch
from minecover.kubernetes.inputs import FILE_LIMIT
from minecover.kubernetes.memory import learning_memory, tile_memory
from minecover.kubernetes.names import check_image, mebibytes, object_name, queue_name, step_name
from minecover.kubernetes.plan import plan_cluster
from minecover.kubernetes.render import render, render_admin, write
from minecover.kubernetes.request import OVERLAYS, Request
from minecover.planning.work import workload
from minecover.samples.points import read_points
from minecover.sources.chosen import SourceSettings
from minecover.survey import Survey, load
from minecover.survey.grid import survey_grid

ROOT = Path(__file__).resolve().parents[3]
DONGSHENG = ROOT / "examples" / "dongsheng.yaml"
IMAGE = "registry.example.org/minecover:0.2.0"
SHARED = Cluster(training_storage_class="files")


def survey(tmp_path: Path, **sections: Any) -> Survey:
    raw = yaml.safe_load(DONGSHENG.read_text(encoding="utf-8")) | sections
    (tmp_path / "luojia1_dongsheng.tif").write_bytes(b"content of a raster")
    (tmp_path / "dongsheng_samples.gpkg").write_bytes(geopackage())
    path = tmp_path / "survey.yaml"
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    return load(path)


@pytest.fixture
def dongsheng(tmp_path: Path) -> Survey:
    return survey(tmp_path, store="s3://bucket/dongsheng")


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


def test_memory_covers_what_was_measured(tmp_path: Path) -> None:
    """Highest resident MiB of `features` on the simulated district, 112 layers, by tile size."""
    for tile, measured in ((128, 713), (256, 824), (512, 1016)):
        made = tile_memory(survey(tmp_path, grid={"tile": tile}, model={"kind": "rf"}))
        assert measured * 1.2 < made < measured * 2
        assert made < tile_memory(survey(tmp_path, grid={"tile": tile}))  # a network comes on top


def test_learning_gets_memory_for_its_points(dongsheng: Survey) -> None:
    """A point of 44 layers and 17 x 17 pixels took 99 KiB."""
    work = workload(dongsheng, survey_grid(dongsheng))
    for points in (37_000, 1_000_000):
        work = replace(work, points=points, chosen=44)
        need = learning_memory(dongsheng, work, trains=True)
        assert 1.2 < need / (points * 99 / 1024) < 2
        assert need > learning_memory(dongsheng, work, trains=False)
    plan = plan_cluster(dongsheng, Request(IMAGE))
    assert set(plan.stage_memory.values()) == {4096}  # 36 points


def test_memory_of_stages_can_be_given(dongsheng: Survey) -> None:
    plan = plan_cluster(dongsheng, Request(IMAGE, memory=16384))
    assert set(plan.stage_memory.values()) == {16384}  # a stage works off tiles that are left
    plan = plan_cluster(dongsheng, Request(IMAGE, memory=16384, stage_memory=65536))
    assert (plan.tile_memory, set(plan.stage_memory.values())) == (16384, {65536})
    files = render(plan)
    assert "memory: 65536Mi" in files["base/train.yaml"]
    assert "memory: 16384Mi" in files["base/cube.yaml"]
    assert "memory: 4096Mi" not in files["overlays/gpu-pool/ray.yaml"]


def test_prediction_on_gpus_follows_the_parallelism(dongsheng: Survey, tmp_path: Path) -> None:
    request = Request(IMAGE, overlays=("gpu-pool",), parallelism=64, completions=81, cluster=SHARED)
    files = render(plan_cluster(dongsheng, request))
    objects = list(yaml.safe_load_all(files["overlays/gpu-pool/ray.yaml"]))
    replicas = {
        item["metadata"]["name"]: item["spec"]["rayClusterSpec"]["workerGroupSpecs"][0]["replicas"]
        for item in objects
        if item["kind"] == "RayJob"
    }
    assert replicas == {"dongsheng-train": 1, "dongsheng-predict": 64, "dongsheng-assess": 1}
    trained = survey(tmp_path, store="s3://b/p", engine={"training_workers": 4})
    plan = plan_cluster(trained, Request(IMAGE, parallelism=2, cluster=SHARED))
    workers = {job.step: plan.ray_workers(job) for job in plan.gpu_jobs}
    assert workers == {"train": 4, "predict": 2, "assess": 4}


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


def test_products_of_a_large_area_do_not_go_on_a_nodes_disk(dongsheng: Survey) -> None:
    small, large = (products_scratch(dongsheng, pixels) for pixels in (10**7, 20 * 10**9))
    assert small.on_node
    assert small.size < small.node_disk < NODE_DISK
    assert not large.on_node
    assert large.size > 10**6 > 1000 * large.node_disk
    plan = plan_cluster(dongsheng, Request(IMAGE))
    assert {step for step, room in plan.scratch.items() if room != plan.small} == {"publish"}


def test_indexes_follow_the_tiles(dongsheng: Survey) -> None:
    # 43 x 42 km in tiles of 5.12 km: 9 x 9 touch the area; eight to an index
    plan = plan_cluster(dongsheng, Request(IMAGE))
    assert plan.completions == 11
    assert plan.workers == dongsheng.engine.workers
    assert plan_cluster(dongsheng, Request(IMAGE, completions=81)).completions == 81
    for wrong in (0, 82):
        with pytest.raises(SurveyError, match=r"--completions .* 81 tile"):
            plan_cluster(dongsheng, Request(IMAGE, completions=wrong))


def test_a_store_on_this_machine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SurveyError, match=r"pods do not see it.*--store s3://"):
        plan_cluster(survey(tmp_path), Request(IMAGE))


def test_a_catalog_on_this_machine_is_refused(tmp_path: Path) -> None:
    local = survey(tmp_path, store="s3://b/p", catalog={"url": "catalog/catalog.json"})
    with pytest.raises(SurveyError, match=r"catalog\.url"):
        plan_cluster(local, Request(IMAGE))


def test_classical_models_need_no_gpus(tmp_path: Path) -> None:
    forest = survey(tmp_path, store="s3://b/p", model={"kind": "rf"})
    with pytest.raises(SurveyError, match=r"--overlay gpu-pool: model\.kind rf uses no GPU"):
        plan_cluster(forest, Request(IMAGE))
    files = render(plan_cluster(forest, Request(IMAGE, overlays=("spot-pool",))))
    manifests = [text for name, text in files.items() if name.endswith(".yaml")]
    assert not any("kind: RayJob" in text for text in manifests)


def test_unknown_overlays_are_refused(dongsheng: Survey) -> None:
    with pytest.raises(SurveyError, match="--overlay moon: there are one-machine"):
        plan_cluster(dongsheng, Request(IMAGE, overlays=("moon",)))


def test_files_travel_in_the_config_map(dongsheng: Survey) -> None:
    plan = plan_cluster(dongsheng, Request(IMAGE))
    assert base64.b64decode(plan.input_files["dongsheng_samples.gpkg"]) == geopackage()


def test_a_shapefile_travels_with_its_parts(tmp_path: Path) -> None:
    write_points(tmp_path / "points.shp")
    (tmp_path / "points.dbf").rename(tmp_path / "points.DBF")
    (tmp_path / "points.notes").write_text("of no use")
    samples = {"path": "points.shp", "column": "class"}
    plan = plan_cluster(survey(tmp_path, store="s3://b/p", samples=samples), Request(IMAGE))
    parts = [name for name in plan.input_files if name.startswith("points")]
    assert parts == ["points.DBF", "points.cpg", "points.prj", "points.shp", "points.shx"]
    for name, content in plan.input_files.items():
        (tmp_path / "pod" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "pod" / name).write_bytes(base64.b64decode(content))
    arrived = survey(tmp_path, samples={**samples, "path": "pod/points.shp"})
    assert len(read_points(arrived.samples, arrived.classes, survey_grid(arrived))) == 36


def test_a_name_that_no_config_map_takes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "样本.gpkg").write_bytes(geopackage())
    samples = {"path": "样本.gpkg", "column": "class"}
    with pytest.raises(SurveyError, match=r"samples\.path: .*rename it"):
        plan_cluster(survey(tmp_path, store="s3://b/p", samples=samples), Request(IMAGE))


def test_large_files_need_a_claim(dongsheng: Survey, tmp_path: Path) -> None:
    (tmp_path / "luojia1_dongsheng.tif").write_bytes(bytes(FILE_LIMIT))
    with pytest.raises(SurveyError, match="--inputs-claim"):
        plan_cluster(dongsheng, Request(IMAGE))
    plan = plan_cluster(dongsheng, Request(IMAGE, inputs_claim="files"))
    assert plan.inputs_claim == "files"
    assert plan.input_files == {}


def test_a_missing_file_is_named(dongsheng: Survey, tmp_path: Path) -> None:
    (tmp_path / "dongsheng_samples.gpkg").unlink()
    with pytest.raises(SurveyError, match=r"dongsheng_samples\.gpkg: cannot read"):
        plan_cluster(dongsheng, Request(IMAGE))


def test_files_of_one_name_are_refused(dongsheng: Survey, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    area = tmp_path / "other" / "dongsheng_samples.gpkg"
    lights = dongsheng.sources["night_lights"].model_copy(update={"path": str(area)})
    sources = SourceSettings({**dongsheng.sources, "night_lights": lights})
    changed = dongsheng.model_copy(update={"sources": sources})
    with pytest.raises(SurveyError, match="pods find files by their name alone"):
        plan_cluster(changed, Request(IMAGE))


def test_pods_read_the_same_survey(dongsheng: Survey, tmp_path: Path) -> None:
    """What the pods load differs only in the engine and in where its files lie."""
    plan = plan_cluster(dongsheng, Request(IMAGE))
    for key, text in plan.surveys.items():
        path = tmp_path / key
        path.write_text(text, encoding="utf-8")
        loaded = load(path)
        assert loaded.samples.path == "/inputs/dongsheng_samples.gpkg"
        assert loaded.store == "s3://bucket/dongsheng"
        for section in ("name", "area", "grid", "seasons", "catalog", "classes", "model"):
            assert getattr(loaded, section) == getattr(dongsheng, section)
    assert load(tmp_path / "survey-ray.yaml").engine.ray_address == "auto"
    assert load(tmp_path / "survey.yaml").engine.tiles == "local"


def test_the_same_survey_gives_the_same_bytes(dongsheng: Survey) -> None:
    first = render(plan_cluster(dongsheng, Request(IMAGE)))
    second = render(plan_cluster(dongsheng, Request(IMAGE, overlays=tuple(reversed(OVERLAYS)))))
    assert list(first.items()) == list(second.items())


def test_only_the_overlays_asked_for(dongsheng: Survey) -> None:
    files = render(plan_cluster(dongsheng, Request(IMAGE, overlays=("spot-pool",))))
    assert {name.split("/")[1] for name in files if name.startswith("overlays/")} == {"spot-pool"}


def test_no_template_is_left_unfilled(dongsheng: Survey) -> None:
    for name, text in render(plan_cluster(dongsheng, Request(IMAGE))).items():
        assert "{{" not in text, name
        assert "{%" not in text, name
        if name.endswith(".yaml"):
            assert list(yaml.safe_load_all(text)), name


def test_all_files_or_none(tmp_path: Path) -> None:
    out = tmp_path / "new" / "k8s"
    write({"base/a.yaml": "a\n", "run.sh": "b\n"}, out)
    assert (out / "base" / "a.yaml").read_text() == "a\n"
    with pytest.raises(SurveyError, match="it exists and is not empty"):
        write({"base/a.yaml": "c\n"}, out)
    assert (out / "base" / "a.yaml").read_text() == "a\n"
    with pytest.raises(SurveyError, match="cannot write there"):
        write({"a": "file", "a/b": "in a file"}, tmp_path / "half")
    assert {path.name for path in tmp_path.iterdir()} == {"new"}
    assert {path.name for path in out.parent.iterdir()} == {"k8s"}


def test_the_command(dongsheng: Survey, tmp_path: Path) -> None:
    out = tmp_path / "k8s"
    arguments = ["manifests", str(tmp_path / "survey.yaml"), "--out", str(out), "--image", IMAGE]
    arguments += ["--overlay", "spot-pool", "--completions", "40", "--memory", "6Gi"]
    arguments += ["--stage-memory", "16Gi"]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    assert "40 index(es)" in done.output
    job = yaml.safe_load((out / "base" / "cube.yaml").read_text(encoding="utf-8"))
    assert job["spec"]["completions"] == 40
    box = job["spec"]["template"]["spec"]["containers"][0]
    assert box["resources"]["limits"] == {"memory": "6144Mi", "ephemeral-storage": "4352Mi"}
    assert "memory: 16384Mi" in (out / "base" / "train.yaml").read_text(encoding="utf-8")
    assert [path.name for path in (out / "overlays").iterdir()] == ["spot-pool"]


def test_the_image_is_what_the_manifests_ask_for(dongsheng: Survey) -> None:
    text = (ROOT / "cluster" / "Dockerfile").read_text(encoding="utf-8")
    user = re.search(r"^USER (\d+):(\d+)$", text, re.MULTILINE)
    assert user
    job = render(plan_cluster(dongsheng, Request(IMAGE)))["base/catalog.yaml"]
    assert f"runAsUser: {user[1]}\n" in job
    assert f"runAsGroup: {user[2]}\n" in job


def test_the_image_installs_once_and_only_what_is_constrained() -> None:
    text = (ROOT / "cluster" / "Dockerfile").read_text(encoding="utf-8")
    commands = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    installs = [line for line in commands.splitlines() if re.search(r"\bpip\b.*\binstall\b", line)]
    assert len(installs) == 1
    assert "--constraint constraints.txt" in installs[0]
    assert '${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"}' in installs[0]
    assert "\nARG TORCH_INDEX\n" in text  # which index it is, is said where the image is built
    assert "PIP_NO_COMPILE=0" in text  # pip's own option is `compile`, which 0 turns off
    assert "|| true" not in commands
    assert commands.count("FROM ${BASE}") == commands.count("FROM ") == 2
    pinned = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    left_out = re.search(r"uninstall --yes --quiet (.*?) ;;", commands)
    assert left_out
    assert all(f"\n{name}==" in pinned for name in left_out[1].split())
    torch = re.findall(r"torch==[\d.]+", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert f"\n{torch[0]}\n" in pinned


def test_features_that_are_not_kept_have_no_job_of_tiles(tmp_path: Path) -> None:
    plain = survey(tmp_path, store="s3://bucket/dongsheng", features={"keep": "none"})
    write(render(plan_cluster(plain, Request(IMAGE))), tmp_path / "out")
    for name in OVERLAYS:
        objects = built(tmp_path / "out" / "overlays" / name)
        jobs = {item["metadata"]["name"] for item in objects if item["kind"] == "Job"}
        assert "dongsheng-features" not in jobs
        assert "dongsheng-select" in jobs
        assert "dongsheng-cube-end" not in jobs  # `select` finishes the cube
        assert ("dongsheng-tiles" in jobs) == (name == "dask-cluster")
