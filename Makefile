# Every target makes .venv first if it is missing or older than the lock. `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
LOCK := requirements/dev.txt
# Most tests wait for processes. Each worker starts the services that its tests need.
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast lint format schemas docs kafka databricks bench soak lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## a school day from producers to the ledger; DEMO_SECONDS=n stops it by itself
	$(BIN)/python -m demo

test: lint ## lint, types, import contracts, drift, and all tests with branch coverage
	$(BIN)/python -m classwaves_schemas.generate --check
	$(BIN)/pytest --cov --numprocesses $(WORKERS) --dist loadfile

test-fast: $(READY) ## the unit tests alone: no service, no network
	$(BIN)/pytest tests/unit --numprocesses $(WORKERS) --dist loadfile

lint: $(READY) ## style, types and import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## rewrite the code in the house style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

schemas: $(READY) ## regenerate what is derived from the contracts
	$(BIN)/python -m classwaves_schemas.generate

docs: $(READY) ## regenerate the pages that are written from code
	{ $(BIN)/python -m classwaves_ingestor.metrics && $(BIN)/python -m classwaves_rollup.metrics; } > docs/metrics.md

kafka: $(READY) ## a local Kafka in the foreground on localhost:9092
	$(BIN)/python -m local.kafka

databricks: $(READY) ## a local Databricks SQL endpoint in the foreground; prints the environment to export
	$(BIN)/python -m local.databricks --folder .databricks

bench: $(READY) ## the drain rate beside that of a bare consume loop
	$(BIN)/python -m bench

soak: $(READY) ## the tests that take minutes, then a long run under faults
	$(BIN)/pytest -m soak
	$(BIN)/python -m bench.soak

lock: ## pin dependencies with hashes (needs uv); UPGRADE=--upgrade renews those that are pinned
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 $(UPGRADE) --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-annotate --no-header --quiet --output-file $(LOCK)

clean: ## remove .venv and all caches
	rm -rf $(VENV) .coverage* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The lock names everything, so pip is to look for nothing: asked for an extra of a pinned package it would consider newer
# releases, which no hash allows. The package itself is installed without build isolation: its backend is in the lock too.
$(READY): $(LOCK) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or later is needed and $(PYTHON) is %d.%d: name another, as in make PYTHON=python3.12" % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --requirement $(LOCK)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
