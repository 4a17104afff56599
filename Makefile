# make demo and make test set up everything they need; the package index is the only network they use.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO_DIR ?= demo

.PHONY: demo test lint bench foundation clean

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $(STAMP)

demo: $(STAMP)  ## The whole path on the embedded default: make a shop, build it, recommend, explain and draw.
	$(BIN)/genrec demo --dir $(DEMO_DIR)

test: $(STAMP)  ## All tests.
	$(BIN)/python -m pytest -q -n 2 --dist loadfile

lint: $(STAMP)  ## ruff, mypy strict, and the order of the layers.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP)  ## The tables that the README quotes.
	$(BIN)/python benchmarks/run.py

foundation: $(STAMP)  ## Train the tiny foundation models again (about two hours on two cores).
	$(BIN)/python -m genrec.foundation all

clean:
	rm -rf $(VENV) build dist *.egg-info
