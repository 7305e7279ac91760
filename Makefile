# `make` lists the targets. Everything lives in .venv; nothing is installed outside of this folder.
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
FIND_PYTHON := for p in python3.14 python3.13 python3.12 python3.11 python3; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { command -v "$$p"; break; }; done

.DEFAULT_GOAL := help
.PHONY: help demo test lint unit faults soak bench screenshots lock clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/run.stamp  ## the whole service against a built-in sandbox: prints one address, needs no account (PORT=8123: another port)
	@$(BIN)/bridge demo $(if $(PORT),--port $(PORT))

# The tests of the pure parts, which pyproject.toml names under coverage; `test` runs them first, and measures.
PURE := tests/unit tests/services/test_pacing.py tests/services/test_retry.py

test: lint  ## lint, types and all tests (about 10 minutes on two cores)
	$(BIN)/python -m pytest -q -n auto --dist worksteal --cov --cov-report=term:skip-covered --cov-fail-under=100 $(PURE)
	$(BIN)/python -m pytest -q -n 4 --dist worksteal $(PURE:%=--ignore=%)

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

unit: $(VENV)/dev.stamp  ## the quick tests of the pure parts
	$(BIN)/python -m pytest -q tests/unit

faults: $(VENV)/dev.stamp  ## every fault we know of, against the real program, with kills: one table (KILLS=100, SEED=1)
	$(BIN)/python -m tests.campaign --kills $(or $(KILLS),100) --seed $(or $(SEED),1)

soak: $(VENV)/dev.stamp  ## 1 000 kills among the faults, 600 under load, long property runs, minutes of load
	$(BIN)/python -m tests.campaign --kills 1000 --most 8 --combinations 30 --steps 30
	$(BIN)/python -m pytest -m soak -s --timeout 1800

bench: $(VENV)/dev.stamp  ## the numbers of docs/performance.md, measured here
	$(BIN)/python -m tests.bench --write

screenshots: $(VENV)/dev.stamp  ## draw the pictures of the README again (needs chromium)
	BRIDGE_SCREENSHOTS=docs/images $(BIN)/python -m pytest -q tests/browser

lock: $(VENV)/dev.stamp  ## resolve the dependencies again, with hashes and without index addresses
	$(BIN)/python -m pip install -q uv
	echo setuptools | $(BIN)/uv pip compile -q --universal --generate-hashes --no-annotate --no-header --upgrade \
		--python-version 3.11 pyproject.toml - -o requirements.txt
	echo setuptools | $(BIN)/uv pip compile -q --universal --generate-hashes --no-annotate --no-header \
		--python-version 3.11 --extra dev -c requirements.txt pyproject.toml - -o requirements-dev.txt

clean:  ## remove .venv and caches
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage

$(VENV)/bin/python:
	@python=$$($(FIND_PYTHON)); \
	if [ -z "$$python" ]; then \
	  echo "bridge needs Python 3.11 or newer. Debian or Ubuntu: sudo apt-get install -y python3 python3-venv; macOS: brew install python" >&2; exit 1; fi; \
	if ! "$$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then \
	  v=$$("$$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	  echo "$$python has no venv. Debian or Ubuntu: sudo apt-get install -y python$$v-venv; macOS: brew install python" >&2; exit 1; fi; \
	echo "making $(VENV) with $$python"; "$$python" -m venv $(VENV)

$(VENV)/run.stamp: requirements.txt pyproject.toml | $(VENV)/bin/python
	@echo "installing the locked dependencies (once; about a minute) ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes --no-deps -r requirements.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev.stamp: requirements-dev.txt $(VENV)/run.stamp
	@echo "installing the locked tools for the tests (once; about a minute) ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.txt
	@touch $@
