"""What `minecover manifests` refuses and writes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from _manifest_samples import IMAGE, survey
from _manifest_schemas import built
from minecover.commands.app import app
from minecover.errors import SurveyError
from minecover.kubernetes.plan import plan_cluster
from minecover.kubernetes.render import render, write
from minecover.kubernetes.request import OVERLAYS, Request
from minecover.survey import Survey


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
