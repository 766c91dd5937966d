# demo   run the model district and say where its map is
# test   everything: checks, tests, examples in docstrings
# check  style, types, import order
# fix    mend what the checks can mend
# bench  measure; make bench BENCH="--quick" in two minutes, BENCH="--peers" beside more libraries
# docs   redraw the pictures in docs/ from the model district
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= out/bazhou
BENCH ?=

.PHONY: demo test check fix bench docs model clean

demo: $(VENV)/.core
	$(BIN)/lifecircle run data/bazhou.toml --out $(OUT)

test: $(VENV)/.test
	$(BIN)/python -m pytest -n 2 --dist loadfile --doctest-modules coverage api tests

check: $(VENV)/.test
	$(BIN)/ruff check coverage api tests data benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: $(VENV)/.test
	$(BIN)/ruff check --fix coverage api tests data benchmarks

bench: $(VENV)/.test
	$(BIN)/python benchmarks/run.py $(BENCH)

docs: $(VENV)/.test demo
	$(BIN)/python benchmarks/pictures.py $(OUT) docs

# Write the model district again; the same seed gives the same bytes.
model: $(VENV)/.core
	$(BIN)/python data/generator --seed 1 --out data

# uv is bootstrapped by pip; where it cannot be had, plain pip installs the same pins, more slowly.
define install
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r $(1) \
	|| $(BIN)/python -m pip install --quiet --require-hashes -r $(1)
endef

$(BIN)/python:
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'lifecircle needs Python 3.11 or newer')"
	$(PYTHON) -m venv $(VENV)
	-$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

$(VENV)/.core: $(BIN)/python requirements/core.txt pyproject.toml
	$(call install,requirements/core.txt)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/.test: $(VENV)/.core requirements/test.txt
	$(call install,requirements/test.txt)
	touch $@

clean:
	rm -rf $(VENV) out .pytest_cache .mypy_cache .ruff_cache .hypothesis
