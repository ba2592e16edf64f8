# Two commands: `make demo` shows the main job, `make test` runs the tests. Both set up all they need in .venv.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help demo test check gen bench setup setup-dev clean
.DEFAULT_GOAL := help

help: ## Say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

demo: setup ## Render a project, break it, run it, repair it, prove the record
	@maestro demo

test: setup-dev ## Run every test, those on real PostgreSQL and Redis included
	@pytest

check: setup-dev ## Check contract, generated code, style, types and boundaries
	@poe check

gen: setup-dev ## Generate the Python code of the contract
	@poe gen

bench: setup-dev ## Measure, with ratios against baselines of the same run
	@python -m tests.load

setup: .venv/.installed
setup-dev: .venv/.installed-dev

.venv/.installed: constraints.txt pyproject.toml gen/pyproject.toml clients/python/pyproject.toml
	@PYTHON=$(PYTHON) sh deploy/setup.sh
	@touch $@

.venv/.installed-dev: .venv/.installed
	@PYTHON=$(PYTHON) sh deploy/setup.sh dev
	@touch $@

clean: ## Remove what the other targets made
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
