# cellnet: `make demo` and `make test` do their own set-up. `make help` lists the rest.
SHELL := /bin/bash
PY := .venv/bin/python
PYTEST := $(PY) -m pytest
WORKERS ?= 2
REPORT ?= report

.PHONY: drawing help setup demo test test-lab soak lint format bench constraints clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: ## system packages (only what is missing) and .venv
	@tools/setup

demo: setup ## two cells connected, faults injected, recovery proved; report in ./report/demo
	@.venv/bin/cellnet demo --report $(REPORT)/demo

test: setup lint ## lint, unit, golden, daemon and short lab tests (under 10 minutes)
	$(PYTEST) -n $(WORKERS) --dist loadgroup -m "not scenario and not soak and not lab"
	$(PYTEST) -n $(WORKERS) --dist loadfile -m "lab and not scenario and not soak"

test-lab: setup ## all lab scenarios
	$(PYTEST) -n $(WORKERS) --dist loadfile -m "scenario and not soak"

soak: setup ## long, random, many kills
	$(PYTEST) -m soak --timeout 7200

lint: setup ## ruff, mypy --strict, import contracts
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

format: setup ## let ruff put the code in shape
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: setup ## figures and ratios, side by side with FRR, BIRD and hand-built Open vSwitch; JSON in ./report
	$(PY) -m tests.bench --output $(REPORT)/bench.json

drawing: setup ## draw the life of a connection from its table into docs/lifecycle.md
	CELLNET_UPDATE_GOLDEN=1 $(PYTEST) -q tests/unit/manager/test_stage.py -k drawing

constraints: setup ## write the versions now installed to constraints.txt
	@{ echo '# Every Python package at the version it was tested with. `make constraints` writes it anew.'; \
	   $(PY) -m pip freeze --all --exclude-editable --exclude cellnet | grep -v '^setuptools==' ; } > constraints.txt

clean: ## remove the environment and what tests left
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache $(REPORT)
