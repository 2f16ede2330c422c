# Python 3.11 or newer and make are all that is needed; every target makes .venv from requirements.lock first.
PYTHON ?= python3
PORT ?= 3000
WORKERS ?= 2
STAMP := .venv/.installed

.PHONY: demo test test-slow test-kill test-soak test-cluster test-browser check ui nano bench evidence clean format

demo: $(STAMP)  ## two rounds of self-specialization of a small real model, what came out, and what it wrote on the way; ARGS="--workers 2"
	.venv/bin/selfspec models get smollm2-135m-instruct
	.venv/bin/selfspec data get starter
	.venv/bin/selfspec run quickstart --domain sports $(ARGS)
	.venv/bin/selfspec scores quickstart --domain sports
	.venv/bin/selfspec samples quickstart --domain sports

test: $(STAMP)  ## the default suite; WORKERS=8 where there are cores and memory for it
	.venv/bin/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not slow and not kill and not soak and not browser and not cluster"

test-slow: $(STAMP)  ## the checks that take long
	.venv/bin/python -m pytest -m slow

test-kill: $(STAMP)  ## SIGKILL at every commit point of every step, full disks, dead servers; ends with a table
	.venv/bin/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --session-timeout=1200 -m kill tests/kill

test-soak: $(STAMP)  ## writers and readers without rest, and every bad input; ends with a table
	.venv/bin/python -m pytest --session-timeout=1200 -m soak tests/soak

test-cluster: $(STAMP)  ## Ray nodes, actors and workers killed mid-step: the same bytes; at most 20 minutes
	.venv/bin/python -m pip install --quiet --disable-pip-version-check 'ray>=2.50,<3'
	.venv/bin/python -m pytest --session-timeout=1200 -m cluster tests/steps/workers

test-browser: $(STAMP)  ## the UI and the report in headless Chromium, if it is installed
	.venv/bin/python -m pytest -m browser

check: $(STAMP)  ## style, types, import rules
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/python -m pytest tests/test_imports.py

format: $(STAMP)  ## put the code into the house style
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

ui: $(STAMP)  ## Dagster's UI on 127.0.0.1
	.venv/bin/selfspec ui --port $(PORT)

nano: $(STAMP)  ## train the embedded model again; ARGS="--tokens 300000 --out /tmp/x" for a short try
	.venv/bin/python -m nano.train --out nano/build $(ARGS)

bench: $(STAMP)  ## ratios against the peers: short forms, one after the other; the RATIO lines stand at the end
	.venv/bin/python -m bench --quick

evidence: $(STAMP)  ## every number of docs/evidence.md; hours, can be killed and run again
	.venv/bin/python -m bench.evidence $(ARGS)

$(STAMP): requirements.lock pyproject.toml
	@echo "Installing the $$(grep -c == requirements.lock) packages of requirements.lock into .venv, once; it takes minutes."
	@echo "They take 2 GB of disk with PyTorch's build for CPUs; where pip finds only that for CUDA, several GB more."
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --disable-pip-version-check -r requirements.lock
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(STAMP)

clean:  ## remove the environment; the warehouse stays
	rm -rf .venv
