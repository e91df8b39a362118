# Every target makes the virtual environment first when it is missing or pyproject.toml is newer.
# `make PYTHON=python3.12 …` chooses the interpreter that it is made with.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
OLD_ENOUGH := -c 'import sys; sys.exit(sys.version_info < (3, 11))'
CANDIDATES := python3 python3.14 python3.13 python3.12 python3.11
PYTHON ?= $(shell for p in $(CANDIDATES); do "$$p" $(OLD_ENOUGH) 2>/dev/null && echo "$$p" && break; done)
# Narrow a run with e.g. `make test ARGS="tests/unit -k retry"`.
ARGS ?=

# How long a look for differences between memory and the servers is; a SEED that a failure names repeats its programs.
PROGRAMS ?= 2000
STEPS ?= 80
SEED ?=
FLAVOR ?=
# How long a storm of faults is, and how many of its seed's faults come, all if empty.
MINUTES ?= 30
FAULTS ?=

.PHONY: help venv demo test sentinel differential storm signal-races recovery soak packaging lint format lua-lint types imports bench growth screenshots clean

help:
	@echo "make demo       a working queue in one command: no server, no root"
	@echo "make test       all tests, on Redis and on Valkey (ARGS=… narrows it)"
	@echo "make sentinel   the engine by way of sentinels"
	@echo "make differential  random programs on memory and on servers (PROGRAMS=2000 STEPS=80 SEED=… FLAVOR=redis)"
	@echo "make storm      fleets under a long storm of faults (MINUTES=30 SEED=… FLAVOR=redis, FAULTS=N for its first N)"
	@echo "make signal-races  fleets under random signals (COUNT=1000 SEED=…)"
	@echo "make recovery   how long jobs of killed processes wait (KILLS=200)"
	@echo "make soak       memory of a fleet over many jobs (JOBS=1000000)"
	@echo "make packaging  build the wheel and the sdist, use them elsewhere, and the board in frameworks"
	@echo "make lint       ruff, and luacheck when it is installed; make format repairs"
	@echo "make types      mypy and pyright over the package, the tests and the benchmarks"
	@echo "make imports    who may import whom"
	@echo "make bench      benchmarks, beside a bare loop (ARGS='--peers all' beside other task queues, --help for more)"
	@echo "make growth     what grows beside waiting jobs, workers, schedules and so on; what an idle fleet takes (ARGS=…)"
	@echo "make screenshots  pictures of the board for docs/board.md; needs Chromium"
	@echo "make clean      remove what was built, the environment included"

venv: $(READY)
	@:

$(READY): pyproject.toml
	@python='$(PYTHON)'; \
	if ! "$${python:-python3}" $(OLD_ENOUGH) 2>/dev/null; then \
	  found=$$("$${python:-python3}" --version 2>/dev/null || echo missing); \
	  echo "taskora needs Python 3.11 or later; $${python:-python3} is $$found." >&2; \
	  echo "Install one and name it: make $(or $(MAKECMDGOALS),venv) PYTHON=/path/to/python3.12" >&2; \
	  exit 1; \
	fi; \
	if ! $(BIN)/python $(OLD_ENOUGH) 2>/dev/null; then \
	  echo "Making $(VENV) with $$("$$python" --version)"; \
	  "$$python" -m venv --clear $(VENV) || \
	    { echo "python -m venv failed; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }; \
	fi
	@echo "Installing taskora and its tools into $(VENV)"
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(READY)
	@$(BIN)/taskora demo

# More workers than CPUs, since most tests wait for something; each has servers of its own.
WORKERS ?= 6
# The programs that tests start would else compile all their modules each time.
COMPILED := env -u PYTHONDONTWRITEBYTECODE

test: $(READY)
	@$(COMPILED) $(BIN)/python -m pytest -n $(WORKERS) --dist loadscope -m 'not packaging' -q $(ARGS)

# The engine's promises by way of sentinels; `make test` has a part of these.
sentinel: $(READY)
	@TASKORA_SENTINEL=1 $(COMPILED) $(BIN)/python -m pytest -n $(WORKERS) --dist loadscope -q \
	  tests/conformance tests/integration/sentinel -k 'sentinel and not differential' $(ARGS)

differential: $(READY)
	@TASKORA_PROGRAMS=$(PROGRAMS) TASKORA_STEPS=$(STEPS) TASKORA_SEED=$(SEED) $(BIN)/python -m pytest -q -n 2 \
	  tests/conformance/test_differential.py -k '$(FLAVOR)' $(ARGS)

storm: $(READY)
	@TASKORA_STORM_MINUTES=$(MINUTES) TASKORA_STORM_SEED=$(SEED) TASKORA_STORM_FAULTS=$(FAULTS) \
	  $(COMPILED) $(BIN)/python -m pytest -q -s -n 0 tests/faults/test_storm.py -k '$(FLAVOR)' $(ARGS)

FLEETS := $(COMPILED) $(BIN)/python -m pytest -q -s tests/acceptance/fleet

signal-races: $(READY)
	@TASKORA_SIGNAL_RACES=$(or $(COUNT),1000) TASKORA_SEED=$(SEED) $(FLEETS)/test_signal_races.py $(ARGS)

recovery: $(READY)
	@TASKORA_KILLS=$(or $(KILLS),200) $(FLEETS)/test_recovery_time.py $(ARGS)

soak: $(READY)
	@TASKORA_SOAK_JOBS=$(or $(JOBS),1000000) $(FLEETS)/test_memory.py $(ARGS)

packaging: $(READY)
	@$(BIN)/python -m pytest -m packaging -q tests/acceptance

lint: $(READY)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet --output-format concise . || { echo "format: run make format" >&2; exit 1; }
	@if command -v luacheck >/dev/null; then $(MAKE) --no-print-directory lua-lint; \
	else echo "lint: luacheck is not installed (apt-get install lua-check), the Lua scripts were not checked"; fi

format: $(READY)
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

lua-lint:
	@luacheck --quiet lua

types: $(READY)
	@$(BIN)/python tests/typing/check.py

imports: $(READY)
	@$(BIN)/python -m pytest -q tests/architecture

bench: $(READY)
	@$(BIN)/python benchmarks $(ARGS)

growth: $(READY)
	@$(BIN)/python benchmarks/growth.py $(ARGS)

screenshots: $(READY)
	@$(BIN)/python tests/browser/screenshots.py

clean:
	@rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
