# `make demo` and `make test` need Python 3.11 or newer, make and a C compiler; they set up the rest.
PYTHON ?= $(shell command -v python3.11 || echo python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test check lint types setup models clean

setup: $(STAMP)

# Installed again only when what is to be installed has changed.
$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

models: setup
	$(BIN)/venire models pull

demo: models
	$(BIN)/venire run experiments/quickstart.yaml

test: models
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/pyright

check: lint types test

clean:
	rm -rf $(VENV) runs logs
