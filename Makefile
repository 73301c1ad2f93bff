# Everything a person or CI runs. Each target makes the environment it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTEST := $(BIN)/pytest -n auto --maxprocesses 4 --dist worksteal

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export MLFLOW_DISABLE_TELEMETRY := true
# Tests and demos start hundreds of interpreters, which must not compile the same files each time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install demo test check lint types contracts docs fuzz bench-serving bench-data bench-train bench-drift clean

install: $(STAMP)

# torch first: installed later, pip may take a build with gigabytes of CUDA for a machine without it.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Retread needs Python 3.11 or newer; set PYTHON=..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
	  || { echo "python3 -m venv failed; on Debian: apt-get install python3-venv"; exit 1; }
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[vision,postgres,dev]'
	@touch $@

demo: install
	$(BIN)/retread demo tires

test: lint types contracts
	@tools/debian-packages postgresql chromium
	$(PYTEST)

# Property tests that name no number of examples try 20 here, and 100 in CI.
check: lint types contracts
	$(PYTEST) -m 'not slow' --hypothesis-profile quick

lint: install
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: install
	$(BIN)/mypy

contracts: install
	$(BIN)/lint-imports

# The generated pages; a test compares them.
docs: install
	$(BIN)/python tools/docs.py

# Ten minutes; SECONDS=60 for one.
fuzz: install
	$(BIN)/python -m tests.serving.fuzz --seconds $(or $(SECONDS),600)

bench-serving: install
	@tools/debian-packages wrk
	$(BIN)/python benchmarks/serving.py

bench-data: install
	$(BIN)/python benchmarks/data_add.py
	$(BIN)/python benchmarks/data_table.py

bench-train: install
	$(BIN)/python benchmarks/train_table.py

bench-drift: install
	$(BIN)/python benchmarks/drift.py

clean:
	rm -rf $(VENV) .venv-peers .mypy_cache .ruff_cache .pytest_cache .hypothesis
