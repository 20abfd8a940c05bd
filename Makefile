# Two commands on a fresh machine: `make train` and `make test`. Both make .venv first, once.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/ready
export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: train test test-quick lint format lock clean help

help:            ## say what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/'

train: $(READY)  ## train the digits preset to the end
	$(BIN)/python -m tfvae.train --preset digits

test: $(READY)   ## run all tests
	$(BIN)/python -m pytest

test-quick: $(READY)  ## run the tests that start no processes
	$(BIN)/python -m pytest -m "not slow"

lint: $(READY)   ## ruff format and check, mypy on tfvae and export
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(READY) ## mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(READY)   ## write constraints.txt anew from pyproject.toml
	$(BIN)/pip-compile --quiet --upgrade --extra dev --strip-extras --allow-unsafe --no-header \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options \
		--output-file constraints.txt pyproject.toml

# The stamp is newer than what it was made from, so that a second call installs nothing.
$(READY): pyproject.toml setup.py constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $(READY)

clean:           ## remove the environment and what builds leave behind
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
