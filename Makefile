# Everything a person or CI does with this repository. `make` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PAGE := pipeline/minecover/products/bundle/page.js
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
export PYTHONPATH := pipeline
# the tests start hundreds of processes, none of which needs to compile the package again
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup page system demo test lint types unit integration alone together acceptance bench notebooks docs hooks services image image-test pods slurm chaos clean
help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(READY) $(PAGE) ## create the virtual environment with the pinned versions, and the map page

# third parts of the environment that the tests import little of, or nothing
NOT_IMPORTED := /(kubernetes|kubernetes_asyncio|transformers/models|tests)/

# torch is installed first and by its exact version, so that registries with CPU builds offer those
$(READY): constraints.txt pyproject.toml
	@echo "== setting up $(VENV) (several minutes on a fresh machine)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "minecover needs Python 3.11 or later; set PYTHON=..."; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(shell sed -n 's/^uv==//p' constraints.txt)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraints constraints.txt -e '.[test]'
	$(BIN)/python -m compileall -qq -j 0 -x '$(NOT_IMPORTED)' $(VENV)/lib || true
	touch $@

page: $(PAGE) ## bundle the pages into the package

$(PAGE): page/package-lock.json page/build.mjs $(wildcard page/src/* page/static/*) | $(READY)
	@echo "== bundling the pages"
	cd page && PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --silent --ignore-scripts
	cd page && PATH="$(CURDIR)/$(BIN):$$PATH" npm run --silent build

# Chromium for the tests of the report, QGIS for those of styles, PostgreSQL with PostGIS for a real STAC
# API. As root on Debian they are installed; elsewhere the tests that need them are skipped
SYSTEM := chromium fonts-liberation postgresql-15 postgresql-15-postgis-3 python3-qgis
system: ## system packages for the integration tests (Debian, as root)
	@missing=$$(for p in $(SYSTEM); do dpkg -s $$p >/dev/null 2>&1 || echo $$p; done); \
	if [ -z "$$missing" ]; then echo "== system packages are installed"; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "== installing" $$missing; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	else echo "== not installed, their tests are skipped:" $$missing; fi

demo: $(READY) $(PAGE) ## map a simulated mining district, from catalog to report
	$(BIN)/minecover demo demo-district

test: system lint ## all checks and tests
	$(MAKE) -j 2 types unit
	$(MAKE) integration

lint: $(READY) ## ruff: style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check pipeline tests benchmarks cluster docs

types: $(READY) ## mypy, strict
	$(BIN)/mypy

unit: $(READY) $(PAGE) ## the fast tests
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/unit

WHOLE_RUNS := tests/integration tests/doors tests/acceptance

# tests marked alone wait much of their time: the others take what they leave
integration: ## tests with servers, clusters, whole runs and a small demo
	$(MAKE) -j 2 alone together

alone: $(READY) $(PAGE) ## those that start clusters, kill processes or measure memory
	$(BIN)/python -m pytest --durations=12 -m alone $(WHOLE_RUNS)

together: $(READY) $(PAGE) ## the others, at a lower priority
	nice -n 5 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations=12 -m "not alone" $(WHOLE_RUNS)

acceptance: $(READY) $(PAGE) ## the whole survey of Strzegom, on real data beside this checkout
	$(BIN)/minecover run tests/acceptance/strzegom.yaml --store strzegom-store

bench: $(READY) $(PAGE) ## time kernels against other implementations; writes benchmarks/RESULTS.md
	@command -v grass >/dev/null || { test "$$(id -u)" -ne 0 || { apt-get update -qq && apt-get install -y -qq grass-core; }; }
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraints constraints.txt -e '.[test,bench]'
	PYTHONPATH=pipeline:. $(BIN)/python -m benchmarks

notebooks: $(READY) $(PAGE) ## run the notebooks and keep their outputs
	$(BIN)/python notebooks/keep_outputs.py

docs: $(READY) ## build the documentation in site/
	$(BIN)/python -m sphinx -W --keep-going --quiet -j auto docs site

hooks: $(READY) ## check style and types at each commit, and run the fast tests at each push
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraints constraints.txt -e '.[test,hooks]'
	$(BIN)/pre-commit install

services: $(READY) ## run an S3 server on loopback, in the foreground, to try a survey on
	PYTHONPATH=pipeline:tests $(BIN)/python -m services.s3

# as root on Debian, and not part of CI: cluster/IMAGE.md and cluster/SLURM.md hold what they printed
IMAGE ?= localhost/minecover:$(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
image: $(READY) $(PAGE) ## build the image of cluster/Dockerfile, also where there is no registry
	@missing=$$(for p in buildah runc mmdebstrap fuse-overlayfs podman; do command -v $$p >/dev/null || echo $$p; done); \
	[ -z "$$missing" ] || apt-get install -y -qq --no-install-recommends $$missing >/dev/null
	bash cluster/image/build.sh $(IMAGE)

image-test: $(READY) ## run it as a restricted pod: the demo, tiles to an S3 server, Ray's head, SIGTERM
	bash cluster/image/test.sh $(IMAGE)

pods: $(READY) ## map a simulated district by the pods of its manifests, against an S3 server
	@folder=$$(mktemp -d) && PATH="$(CURDIR)/$(BIN):$$PATH" PYTHONPATH=pipeline:tests:cluster \
		$(BIN)/python -m pods $$folder/run $(IMAGE); code=$$?; rm -rf $$folder; exit $$code

slurm: $(READY) ## map a simulated district by a real Slurm on this machine, with a drained node
	@command -v slurmctld >/dev/null && command -v munged >/dev/null \
		|| apt-get install -y -qq --no-install-recommends slurm-wlm munge >/dev/null
	@folder=$$(mktemp -d) && PATH="$(CURDIR)/$(BIN):$$PATH" PYTHONPATH=pipeline:cluster \
		$(BIN)/python -m slurm $$folder/run; code=$$?; rm -rf $$folder; exit $$code

# as root this includes full disks, killed hosts, cut links and places that are not as one would wish
CHAOS_FAULTS ?= 500
CHAOS_SECONDS ?= 1800
CHAOS_SEED ?= 0
CHAOS_DOCUMENTS ?= 20000
chaos: $(READY) $(PAGE) ## random faults, spoiled documents and machines: the same bytes, and no traceback
	PYTHONPATH=pipeline:tests:cluster $(BIN)/python -m chaos.campaign --faults $(CHAOS_FAULTS) \
		--seconds $(CHAOS_SECONDS) --seed $(CHAOS_SEED) --out tests/chaos/CHAOS.md
	PYTHONPATH=pipeline:tests $(BIN)/python -m fuzz.campaign --mutations $(CHAOS_DOCUMENTS) \
		--seconds 3600 --seed $(CHAOS_SEED) --out tests/chaos/CHAOS.md
	PYTHONPATH=pipeline:tests $(BIN)/python -m chaos.matrix --out tests/chaos/CHAOS.md
	PYTHONPATH=pipeline:tests $(BIN)/python -m chaos.kinds --out tests/chaos/CHAOS.md
	PYTHONPATH=pipeline:tests $(BIN)/python -m chaos.places --out tests/chaos/CHAOS.md

clean: ## remove everything that the targets created
	rm -rf $(VENV) page/node_modules pipeline/minecover/products/bundle demo-district strzegom-store site .mypy_cache .ruff_cache .pytest_cache .hypothesis
