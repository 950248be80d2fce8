# `make demo` and `make test` do all the set-up on a machine that has only Python and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready-for-handful
TABLE ?=

.PHONY: demo test lowest check bench results docs pictures format clean

demo: $(READY)
	$(BIN)/handful demo

test: $(READY)
	$(BIN)/python -m pytest -n auto --maxprocesses 4

# The tests with the lowest versions that pyproject.toml allows, in an environment of their own (10 GB, minutes to install).
LOWEST ?= $(VENV)-lowest
lowest: $(READY)
	$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(LOWEST)
	$(BIN)/uv pip install --quiet --resolution lowest-direct --python $(LOWEST)/bin/python -e '.[dev]'
	$(LOWEST)/bin/python -m pytest -n auto --maxprocesses 4

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# TABLE names one, e.g. make bench TABLE=cvs-mnist; without it, the tables are listed.
bench: $(READY)
	$(BIN)/python -m bench $(TABLE)

# docs/results.md from the measurements in bench/results.
results: $(READY)
	$(BIN)/python -m bench.document

# The site, in build/docs. What is doubtful is an error: dead links, pages outside the navigation, broken docstrings.
docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo build/docs/index.html

# The pictures of the documentation, from real runs: make pictures CELLS=white_blood_cells/images (needs Chromium).
pictures: $(READY)
	$(BIN)/python docs/tools/make_pictures.py $(CELLS)

clean:
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

# Installed once, and again when the dependencies change. uv takes a tenth of pip's time here.
$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "handful needs Python 3.11 or newer; try make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python -e '.[dev]'
	touch $@
