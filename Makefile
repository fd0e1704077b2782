# Everything runs in ./.venv, and Airflow lives in ./.airflow: nothing of yours is touched.
PYTHON ?= python3
AIRFLOW_VERSION ?= 3.3.2
EXTRAS ?= test,dev
PYTHONS ?= 3.12 3.13
KILLS ?= 200
WORKERS ?= 2
VENV ?= .venv

BIN := $(CURDIR)/$(VENV)/bin
STAMP := $(VENV)/installed-airflow-$(AIRFLOW_VERSION)

# Installs an extra that only one target needs.
install = if [ -x $(BIN)/uv ]; then $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -e '.[$(1)]'; \
	else $(BIN)/python -m pip install --quiet -e '.[$(1)]'; fi

.DEFAULT_GOAL := help
.PHONY: help demo airflow test coverage test-slow test-warehouses test-lowest test-python chaos check docs bench clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 17

demo: $(STAMP)  ## set up an environment and run the example DAG against a local Heap, the sandbox
	@BIN=$(BIN) scripts/demo.sh

airflow: $(STAMP)  ## start the Airflow UI with the example DAGs, the connections and the sandbox
	@BIN=$(BIN) scripts/airflow.sh

test: $(STAMP)  ## set up an environment and run the tests on WORKERS processes; COVERAGE=1 counts the lines that they reach
	$(BIN)/python $(if $(COVERAGE),-m coverage run )-m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

coverage: $(STAMP)  ## report the lines that `make test COVERAGE=1` reached; too few are an error
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

test-slow: $(STAMP)  ## run the tests that take over half a minute: Airflow with several workers, syncs that are killed
	@$(call install,test-slow)
	$(BIN)/python -m pytest -m slow

test-warehouses: $(STAMP)  ## run the tests of diff_schema in each database that can be run here; Spark needs Java
	@$(call install,test-slow)
	$(BIN)/python -m pytest -m "warehouse or not warehouse" tests/integration/models/diff tests/integration/operators/test_comparison.py \
		tests/integration/sync/state/test_diff_state.py tests/integration/cli/test_records.py tests/system/test_diff_*.py

test-lowest:  ## run the unit tests and a DAG on the lowest versions that setup.cfg allows
	@PYTHON=$(PYTHON) EXTRAS=$(EXTRAS) scripts/test_lowest.sh

test-python:  ## run the unit tests on the versions of Python in PYTHONS that this machine has
	@AIRFLOW_VERSION=$(AIRFLOW_VERSION) EXTRAS=$(EXTRAS) scripts/test_python.sh $(PYTHONS)

chaos: $(STAMP)  ## disturb syncs and compare Heap with the source, for as many KILLS on each database as you like; SEED repeats
	$(BIN)/python -m tests.chaos --kills $(KILLS) $(if $(SEED),--seed $(SEED))

check: $(STAMP)  ## lint, types, and the wheel
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	BIN=$(BIN) scripts/check_wheel.sh

docs: $(STAMP)  ## build the documentation into site/; a warning is an error
	@$(call install,docs)
	@$(BIN)/python scripts/include_code.py && $(BIN)/python scripts/generated_pages.py && $(BIN)/python scripts/preview_picture.py
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet --builder html docs site
	@echo "The documentation is in site/index.html"

bench: $(STAMP)  ## measure what a row costs, against others, on this machine
	@$(call install,bench)
	$(BIN)/python -m benchmarks

clean:  ## remove the environment and everything that was made
	rm -rf $(VENV) .venv-* .airflow .coverage .coverage.* build dist site *.egg-info .bench .hypothesis .mypy_cache .ruff_cache

# uv installs Airflow in seconds; where there is no uv, pip does in a minute. Compiled once, Airflow starts in a third of
# the time, also where Python may not keep what it compiles.
$(STAMP): setup.cfg
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	@if $(BIN)/python -m pip install --quiet uv; then \
		$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python "apache-airflow==$(AIRFLOW_VERSION)" -e '.[$(EXTRAS)]'; \
	else \
		$(BIN)/python -m pip install --quiet "apache-airflow==$(AIRFLOW_VERSION)" -e '.[$(EXTRAS)]'; \
	fi
	@touch $(STAMP)
