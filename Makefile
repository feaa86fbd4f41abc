# SPDX-License-Identifier: Apache-2.0
# make demo    a real network from ONNX to checked int8 output on this computer
# make test    all tests (10 minutes on 2 cores at most)
# make quick   what must be green before a commit (under a minute)

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# The way from python/, where the tests run, to the environment.
FROM_PYTHON := $(if $(filter /%,$(VENV)),,../)
# Packages of the registry only: what the user has set for Python elsewhere must not leak in.
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet
WORKERS ?= 2
# Scripts and tests import onnxruntime before our package, which says the same, too.
export ORT_DISABLE_TELEMETRY := 1
# A worker keeps to its part of the tests, so that few fixtures are made twice.
DIST := --dist worksteal
# What hangs fails, with where it stood, instead of the whole run. Seconds; no test takes a tenth of it.
LIMIT := --timeout 300 --timeout-method thread

.PHONY: demo test quick test-all fuzz lint docs stack costs bench bench-check accuracy lock release clean

demo: $(VENV)/.runtime
	$(BIN)/python examples/digits/demo.py

test: $(VENV)/.test lint
	cd python && $(FROM_PYTHON)$(BIN)/python -m pytest -q -n $(WORKERS) $(DIST) $(LIMIT) -m "not sweep"

quick: $(VENV)/.test lint
	cd python && ESPDL_TEST_EXAMPLES=15 $(FROM_PYTHON)$(BIN)/python -m pytest -q -n $(WORKERS) $(DIST) $(LIMIT) -m "not slow and not sweep"

test-all: $(VENV)/.test lint
	cd python && ESPDL_TEST_EXAMPLES=1000 $(FROM_PYTHON)$(BIN)/python -m pytest -q -n $(WORKERS) $(DIST)

# Broken models, 150 of them in `make test`.
fuzz: $(VENV)/.test
	cd python && ESPDL_FUZZ_CASES=10000 $(FROM_PYTHON)$(BIN)/python -m pytest -q tests/fuzz

lint: $(VENV)/.test
	$(BIN)/ruff check --quiet --config python/pyproject.toml python examples benchmarks test_apps
	$(BIN)/ruff format --check --quiet --config python/pyproject.toml python examples benchmarks test_apps
	$(BIN)/mypy --config-file python/pyproject.toml --no-error-summary python/espdl

docs: $(VENV)/.runtime
	$(BIN)/python -I python/espdl_cli.py ops --markdown > docs/operators.md
	$(BIN)/python python/dependencies.py > docs/dependencies.md

# How much stack the kernels take, for the report; needs GCC for rv32.
stack: $(VENV)/.runtime
	$(BIN)/python python/stack.py

# What code and time they take, for the report; needs GCC and QEMU for rv32 and Xtensa (10 minutes).
costs: $(VENV)/.runtime
	$(BIN)/python python/costs.py

bench: $(VENV)/.runtime
	$(BIN)/python benchmarks/esp32.py $(if $(DATA),--data $(DATA))
	$(BIN)/python benchmarks/run.py $(if $(DATA),--data $(DATA))

bench-check: $(VENV)/.runtime
	$(BIN)/python benchmarks/run.py --check

# What every scheme and effort reaches on four trained networks, and the tables of docs/quantisation.md (15 minutes).
accuracy: $(VENV)/.runtime
	$(BIN)/python benchmarks/accuracy.py $(if $(DATA),--data $(DATA))

# The locks hold every package with its hashes, for all platforms and all versions of Python that we support. The first is
# what the compiler runs with, the second has what `espdl tune` and `espdl sweep` need too, the third all for the tests.
LOCK := uv pip compile pyproject.toml --universal --python-version 3.10 --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --quiet
lock: $(VENV)/.test
	$(PIP) uv
	cd python && $(FROM_PYTHON)$(BIN)/$(LOCK) -o requirements.lock
	cd python && $(FROM_PYTHON)$(BIN)/$(LOCK) --extra tune --extra distributed -o requirements-tune.lock
	cd python && $(FROM_PYTHON)$(BIN)/$(LOCK) --extra tune --extra distributed --extra test -o requirements-test.lock

# Before the component is published: who does it, and whether versions agree.
release:
	$(PYTHON) python/release.py "$(OWNER)" "$(MAINTAINER)"

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.10 or newer is needed, this is %d.%d: make PYTHON=<path>" % sys.version_info[:2] if sys.version_info < (3, 10) else 0)'
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.runtime: $(VENV)/.created python/requirements.lock
	$(PIP) --require-hashes -r python/requirements.lock
	touch $@

$(VENV)/.test: $(VENV)/.runtime python/requirements-test.lock
	$(PIP) --require-hashes -r python/requirements-test.lock
	touch $@

clean:
	rm -rf build $(VENV)
