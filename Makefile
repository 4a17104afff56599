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
	$(BIN)/python -m pytest -q -n 3 --dist loadfile

lint: $(STAMP)  ## ruff, mypy strict, and the order of the layers.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: demo  ## The tables of benchmarks/README.md: over the demo, without data, and with DATA=folder on real data.
	$(BIN)/genrec evaluate $(DEMO_DIR) --markdown --alone --peers popularity,itemknn,content-knn,ease,sasrec,bsarec
	$(BIN)/python benchmarks/explanations.py $(DEMO_DIR)
	$(BIN)/genrec bench chat --dir $(DEMO_DIR)
	$(BIN)/genrec bench visuals $(DEMO_DIR)
	$(BIN)/genrec bench decode
	$(BIN)/genrec bench recommend
	$(BIN)/genrec bench tokenize
	$(BIN)/genrec bench serve
	$(BIN)/genrec bench serve --dir $(DEMO_DIR) --clients 32 --seconds 300
	$(BIN)/python benchmarks/trials.py $(DEMO_DIR)
	$(if $(DATA),$(BIN)/python benchmarks/real_data.py $(DATA) real-data)

foundation: $(STAMP)  ## Train the tiny foundation models again (two to three hours on two cores).
	$(BIN)/python -m genrec.foundation all

clean:
	rm -rf $(VENV) build dist *.egg-info
