# Two commands on a fresh machine: `make train` and `make test`. Both make .venv first, once.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/ready
WORKERS ?= 2
NATIVE := $(shell find csrc -type f -not -name '*.pyc')
export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: train test test-quick test-native test-native-aarch64 native wheel lint format lock clean help

help:            ## say what there is
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/'

train: $(READY)  ## train the digits preset to the end
	$(BIN)/python -m tfvae.train --preset digits

test: $(READY)   ## run all tests, a file at a time in each of WORKERS processes
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test-quick: $(READY)  ## run the tests that start no processes
	$(BIN)/python -m pytest -m "not slow"

test-native: $(READY) ## run the C++ tests under AddressSanitizer and UndefinedBehaviorSanitizer
	$(BIN)/python -m csrc.building.sanitized

test-native-aarch64:  ## run the C++ tests for aarch64 under qemu-user, where it is installed
	tests/csrc/aarch64.sh

native: $(READY) ## compile what changed in csrc
	$(BIN)/python setup.py --quiet build_ext --inplace

# auditwheel, where it is installed, names the oldest glibc that the wheel runs on; TensorFlow's libraries stay outside.
wheel: $(READY)  ## put a wheel with both libraries into dist
	rm -rf build/wheel
	$(BIN)/pip wheel --quiet --no-build-isolation --no-deps --wheel-dir build/wheel .
	mkdir -p dist
	if command -v auditwheel; then \
		auditwheel repair --exclude libtensorflow_framework.so.2 --exclude libtensorflow_cc.so.2 \
			--wheel-dir dist build/wheel/*.whl; \
	else cp build/wheel/*.whl dist; fi

lint: $(READY)   ## ruff format and check, mypy on tfvae and export
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(READY) ## mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(READY)   ## write constraints.txt anew from pyproject.toml
	$(BIN)/pip-compile --quiet --upgrade --extra dev --extra edge --extra tables --strip-extras --allow-unsafe --no-build-isolation --no-header \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options \
		--output-file constraints.txt pyproject.toml

# The stamp is newer than what it was made from, so that a second call installs nothing. The native code is compiled
# against the TensorFlow that is installed first; without isolation, or it would be downloaded a second time.
$(READY): pyproject.toml setup.py constraints.txt $(NATIVE)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --requirement constraints.txt
	$(BIN)/pip install --quiet --no-build-isolation --constraint constraints.txt --editable ".[dev,edge,tables]"
	touch $(READY)

clean:           ## remove the environment and what builds leave behind
	rm -rf $(VENV) build dist *.egg-info *.so tfvae/*.so tfvae/_build.json .pytest_cache .mypy_cache .ruff_cache
