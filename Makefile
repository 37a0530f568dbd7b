# Everything here runs in .venv, which the first target that needs it makes from requirements.lock.
# The packages come from wherever this machine's pip is set up to fetch them.

PYTHON ?= python3
PERIOD ?= 2026Q3

VENV  := .venv
BIN   := $(VENV)/bin
STAMP := $(VENV)/.installed
fits  := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

# A folder that was moved or copied has scripts that point to the old place: the stamp holds the
# place it was made for, and where it differs .venv is made anew.
made_for := $(file < $(STAMP))
ifneq ($(made_for),)
ifneq ($(made_for),$(CURDIR))
moved := yes
endif
endif

# Notices of the debugger, and settings meant for another Python, do not belong in these runs.
export PYDEVD_DISABLE_FILE_VALIDATION = 1
export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PIP_USER = 0
unexport PYTHONHOME PYTHONPATH

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help setup demo test test-py test-spark lab dashboards check format lock sample notebooks picture clean again

help: ## what can be made
	@echo "enablement: from a CRM export to a learning plan for each rep, and back to a measured effect"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) ## make .venv from requirements.lock (1 to 3 minutes; the others do it by themselves)
	@echo ".venv is ready"

demo: $(STAMP) ## run the quarter on the invented company and say where the report is
	@echo "Running the quarter $(PERIOD) on data/sample (about a minute)"
	@$(BIN)/enablement quarter $(PERIOD)
	@echo
	@echo "  the report      data/out/$(PERIOD)/index.html"
	@echo "  the dashboard   make dashboards"
	@echo "  the notebooks   make lab"

# A worker takes file after file in the order in which they are named: the pages of the browser and
# the notebooks, which take longest, are begun first, and not alone at the end.
SPREAD := -n auto --dist loadfile --no-loadscope-reorder

test: $(STAMP) ## run every test: units, pages in a browser, and the stored notebooks
	@echo "Testing the package, its pages, and that each notebook still says what it is stored with (some minutes)"
	@$(BIN)/python -m pytest $(SPREAD) --nbval --nbval-cell-timeout=300 tests/browser notebooks tests

test-py: $(STAMP) ## run the unit tests alone, without a browser
	@$(BIN)/python -m pytest $(SPREAD) -m "not browser" tests

# Spark is half a gigabyte and needs Java, so it lies beside and is no part of the lock.
SPARK := .venv-spark

test-spark: ## hold Spark against DuckDB (Java 17; 5 to 10 minutes, and 1 to 3 to install it in .venv-spark)
	@command -v java >/dev/null || \
	    { echo "There is no Java here: install version 17 (Debian: apt-get install openjdk-17-jre-headless)" >&2; exit 1; }
	@test -x $(SPARK)/bin/python || $(PYTHON) -m venv $(SPARK)
	@echo "Installing Spark and what the package needs in $(SPARK) (1 to 3 minutes the first time)"
	@$(SPARK)/bin/python -m pip install --quiet -e '.[spark]' pytest
	@echo "Testing that Spark counts what DuckDB counts (5 to 10 minutes)"
	@$(SPARK)/bin/python -m pytest --durations=3 tests/test_engines.py -k spark

lab: $(STAMP) ## open the notebooks in JupyterLab
	@$(BIN)/jupyter lab --config=jupyter/jupyter_lab_config.py

dashboards: $(STAMP) ## serve the dashboards with Voila
	@$(BIN)/enablement dashboards

check: $(STAMP) ## ruff, types and the direction of imports (half a minute)
	@echo "Checking style" && $(BIN)/ruff check .
	@echo "Checking format" && $(BIN)/ruff format --check .
	@echo "Checking types" && $(BIN)/mypy
	@echo "Checking that imports run one way" && $(BIN)/python -m pytest tests/test_layers.py

format: $(STAMP) ## let ruff put style and format right
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# What builds the package in place, and what locks it.
tools := 'hatchling>=1.27' 'uv>=0.9'

lock: | $(BIN)/uv ## bring requirements.lock up to pyproject.toml (UPGRADE=1: newest versions too)
	@echo "Resolving requirements.lock for Python 3.11 and later (a few seconds)"
	@printf '%s\n' $(tools) | $(BIN)/uv pip compile --quiet pyproject.toml - \
	    --extra causal --extra test --universal --python-version 3.11 --generate-hashes \
	    --no-annotate --no-header --no-emit-index-url --no-emit-find-links \
	    $(if $(UPGRADE),--upgrade) --output-file requirements.lock

sample: $(STAMP) ## write data/sample again, byte for byte
	@$(BIN)/enablement sample

notebooks: $(STAMP) ## run the stored notebooks again, in place, on data/sample
	@$(BIN)/enablement notebooks

picture: $(STAMP) ## draw the README's picture again from data/sample
	@$(BIN)/python docs/picture.py

clean: ## remove results and caches; .venv, data/sample and data/exports stay
	@rm -rf data/out dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -path ./$(VENV) -prune -o -path ./.git -prune -o \
	    \( -name __pycache__ -o -name .ipynb_checkpoints \) -type d -exec rm -rf {} +
	@echo "Removed results and caches; .venv is kept (rm -r .venv removes it)"

# Set-up takes two steps because pip refuses an editable package among hashed ones. Python compiles
# a module when it is first used; to compile all of them at once takes a third of the set-up.
$(STAMP): requirements.lock pyproject.toml $(if $(moved),again)
	@command -v $(PYTHON) >/dev/null || \
	    { echo "There is no $(PYTHON) here: install Python 3.11 to 3.13 (Debian: apt-get install python3 python3-venv)" >&2; exit 1; }
	@$(PYTHON) -c '$(fits)' || \
	    { echo "$$($(PYTHON) --version 2>&1) does not fit: install Python 3.11, 3.12 or 3.13, then name it: make PYTHON=python3.13" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	    { echo "$(PYTHON) cannot make environments: install its venv module (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@if [ -n "$(moved)" ] || ! $(BIN)/python -c '$(fits)' 2>/dev/null || ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	    echo "Making .venv with $$($(PYTHON) --version) (a few seconds)"; \
	    $(PYTHON) -m venv --clear $(VENV); \
	fi
	@echo "Installing the locked packages, each checked against its hash (1 to 3 minutes the first time)"
	@$(BIN)/python -m pip install --quiet --quiet --no-compile --require-hashes -r requirements.lock
	@echo "Installing enablement itself (a few seconds)"
	@$(BIN)/python -m pip install --quiet --quiet --no-deps --no-build-isolation -e .
	@echo "$(CURDIR)" > $@

$(BIN)/uv:
	@$(MAKE) --no-print-directory setup

again:
