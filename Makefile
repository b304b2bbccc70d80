# Everything a person or CI does with this repository. `make` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
export PYTHONPATH := pipeline

.PHONY: help setup system demo test lint types unit integration acceptance bench docs hooks services chaos clean
help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(READY) ## make the virtual environment with the pinned versions

# torch comes first: its CPU build is found where the registry is asked for this very version
$(READY): constraints.txt pyproject.toml
	@echo "== setting up $(VENV) (several minutes on a fresh machine)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "minecover needs Python 3.11 or later; set PYTHON=..."; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(shell sed -n 's/^uv==//p' constraints.txt)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraints constraints.txt -e '.[test]'
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m compileall -q $(VENV)/lib || true
	touch $@

# Chromium shows the report, PostgreSQL with PostGIS serves a real STAC API; what is absent is
# installed where that is possible, and otherwise the tests that need it are skipped by name
SYSTEM := chromium postgresql-15 postgresql-15-postgis-3
system: ## packages of the system that the tests use (Debian, as root)
	@missing=$$(for p in $(SYSTEM); do dpkg -s $$p >/dev/null 2>&1 || echo $$p; done); \
	if [ -z "$$missing" ]; then echo "== system packages are there"; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "== installing" $$missing; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing >/dev/null; \
	else echo "== not installed, their tests are skipped:" $$missing; fi

demo: $(READY) ## map a simulated mining district, from catalog to report
	$(BIN)/minecover demo demo-district

test: system lint types unit integration ## everything CI runs

lint: $(READY) ## ruff: style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check pipeline tests benchmarks cluster

types: $(READY) ## mypy, strict
	$(BIN)/mypy

unit: $(READY) ## the fast tests
	$(BIN)/python -m pytest tests/unit

integration: $(READY) ## servers, clusters, whole runs, the demo at small size
	$(BIN)/python -m pytest --durations=12 tests/integration tests/acceptance

acceptance: $(READY) ## the whole survey of Strzegom on the real data beside this checkout
	$(BIN)/minecover run tests/acceptance/strzegom.yaml --store strzegom-store

bench: $(READY) ## each kernel against its peers; writes benchmarks/RESULTS.md
	@command -v grass >/dev/null || { test "$$(id -u)" -ne 0 || { apt-get update -qq && apt-get install -y -qq grass-core; }; }
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraints constraints.txt -e '.[test,bench]'
	PYTHONPATH=pipeline:. $(BIN)/python -m benchmarks

docs: $(READY) ## the reference, from the docstrings, as pages in site/
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraints constraints.txt -e '.[test,docs]'
	$(BIN)/python -m pdoc --docformat numpy --no-show-source --output-directory site minecover

hooks: $(READY) ## check style and types at every commit, and the fast tests at every push
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraints constraints.txt -e '.[test,hooks]'
	$(BIN)/pre-commit install

services: $(READY) ## a real S3 server on loopback, in the foreground, to try a survey on
	PYTHONPATH=pipeline:tests $(BIN)/python -m services.s3

# as root, a full disk, hosts that die and links that are cut too
CHAOS_FAULTS ?= 200
CHAOS_SECONDS ?= 900
CHAOS_SEED ?= 0
chaos: $(READY) ## faults by a seed, each followed by a run that must end in the same bytes
	PYTHONPATH=pipeline:tests:cluster $(BIN)/python -m chaos.campaign --faults $(CHAOS_FAULTS) \
		--seconds $(CHAOS_SECONDS) --seed $(CHAOS_SEED) --out tests/chaos/CHAOS.md

clean: ## remove what the targets made
	rm -rf $(VENV) demo-district strzegom-store site .mypy_cache .ruff_cache .pytest_cache .hypothesis
