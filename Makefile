# Two verbs for a stranger: `make demo` and `make test`. Needs Python 3.11 or newer (with venv), git and make.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# Twice as many processes as processors, up to eight: tests wait for servers. `make test PARALLEL=` runs them in one.
PROCESSES = $(shell $(PYTHON) -c 'import os; print(min(8, 2 * (os.cpu_count() or 1)))')
PARALLEL ?= --numprocesses $(PROCESSES) --dist loadscope --no-loadscope-reorder
DEMO_HOME ?= .cache/demo
PORT ?= 8080
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# Without bytecode every process of the tests, and every command that they start, compiles all modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test quick fuzz fuzz-properties fuzz-readers check docs lock clean

demo: $(VENV)/installed-demo
	$(BIN)/modeldex --home $(DEMO_HOME) crawl examples || test $$? -eq 1
	$(BIN)/modeldex --home $(DEMO_HOME) serve --port $(PORT)

test: $(VENV)/installed-test
	$(BIN)/python -m pytest $(PARALLEL) --durations=10 $(ARGS)

# What needs no search node, database server, metastore or browser: most of the suite, in a part of its time.
quick: $(VENV)/installed-test
	$(BIN)/python -m pytest $(PARALLEL) --durations=10 --without-servers $(ARGS)

# Property tests with new examples until FUZZ_SECONDS are over or one fails; `make test` draws the same ones every time.
# FUZZ says which tests, tests/ means all of them; FUZZ_SEED repeats the round that failed.
FUZZ ?= tests/property
FUZZ_SECONDS ?= 300
FUZZ_SEED ?=
fuzz: fuzz-properties fuzz-readers

fuzz-properties: $(VENV)/installed-test
	$(BIN)/python tests/fuzz.py --seconds $(FUZZ_SECONDS) $(if $(FUZZ_SEED),--seed $(FUZZ_SEED)) $(FUZZ)

# Mutants of real files, FUZZ_READER_SECONDS for each reader (about half an hour on two processors), or for those that
# FUZZ_READERS names; FUZZ_SEED makes the mutants of an earlier run again.
FUZZ_READERS ?=
FUZZ_READER_SECONDS ?= 60
fuzz-readers: $(VENV)/installed-test
	$(BIN)/python tests/fuzz_readers.py --seconds $(FUZZ_READER_SECONDS) $(if $(FUZZ_SEED),--seed $(FUZZ_SEED)) $(FUZZ_READERS)

# The gates alone, without the rest of the suite.
check: $(VENV)/installed-test
	$(BIN)/python -m pytest tests/house

# Writes every generated file again: the Elasticsearch mapping and the tables in docs/.
docs: $(VENV)/installed-test
	$(BIN)/python -m mappings.generate
	$(BIN)/python docs/generate.py

# Resolves all dependencies together again, newest versions within the bounds of pyproject.toml.
lock: $(VENV)/python
	$(INSTALL) uv
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --all-extras --no-emit-index-url \
		--no-header --no-annotate pyproject.toml --output-file constraints.txt

clean:
	rm -rf $(VENV) .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Modeldex needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing (on Debian: apt-get install python3-venv)" >&2; exit 2; }
	@touch $@

$(VENV)/installed-demo: pyproject.toml constraints.txt | $(VENV)/python
	$(INSTALL) --editable '.[hdf5]'
	@touch $@

$(VENV)/installed-test: pyproject.toml constraints.txt | $(VENV)/python
	$(INSTALL) --editable '.[test]'
	@touch $@ $(VENV)/installed-demo
