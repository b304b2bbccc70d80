"""What the image is built from, and what the manifests ask of it."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from _manifest_samples import IMAGE
from minecover.kubernetes.plan import plan_cluster
from minecover.kubernetes.render import render
from minecover.kubernetes.request import Request
from minecover.survey import Survey

ROOT = Path(__file__).resolve().parents[3]


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
    assert len(installs) == 2  # what the package needs, and the package, which brings nothing
    assert "PIP_CONSTRAINT=/build/constraints.txt" in commands
    assert "--no-deps" not in installs[0]
    assert "--no-deps" in installs[1]
    assert '${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"}' in installs[0]
    assert "\nARG TORCH_INDEX\n" in text  # which index it is, is said where the image is built
    assert "PIP_NO_COMPILE=0" in text  # pip's own option is `compile`, which 0 turns off
    assert "|| true" not in commands
    assert commands.count("FROM ${BASE}") == commands.count("FROM ") == 2
    pinned = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    torch = re.findall(r"torch==[\d.]+", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert f"\n{torch[0]}\n" in pinned


def test_the_image_for_classical_models_leaves_out_what_only_networks_need() -> None:
    text = (ROOT / "cluster" / "Dockerfile").read_text(encoding="utf-8")
    program = re.search(r"python3 -c '(.*?)' \\\n", text, re.DOTALL)
    assert program
    code = program[1].replace("\\\n", "\n")
    listed = {
        libraries: subprocess.run(
            [sys.executable, "-c", code, libraries],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        for libraries in ("all", "classical")
    }
    left_out = set(listed["all"]) - set(listed["classical"])
    assert {re.split(r"\W", each)[0] for each in left_out} == {"torch", "ray"}
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert listed["all"] == declared["project"]["dependencies"]
    refused = subprocess.run([sys.executable, "-c", code, "some"], cwd=ROOT, capture_output=True)
    assert refused.returncode != 0
