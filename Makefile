# make help tells what there is. make demo and make test need nothing but Python and this file.

BIN := .venv/bin

# This repository's profile, whatever the caller's environment says.
export DBT_PROFILES_DIR := $(CURDIR)

# A Snowflake account that can't be reached is told within half a minute, not two minutes or more.
export JWT_CNXN_RETRY_ATTEMPTS ?= 1
export JWT_CNXN_WAIT_TIME ?= 5

.DEFAULT_GOAL := help
.PHONY: help setup demo test oldest-dbt other-pythons soak bench lint docs snowflake-check clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s  %s\n", $$1, $$2 }' Makefile

setup: .venv/installed dbt_packages/installed  ## Make .venv with everything in it (once)
	@mkdir -p target
	@echo ".venv and dbt_packages are ready."

.venv/installed: requirements.lock
	@python=$$(scripts/find_python) && echo "Making .venv with $$python" && "$$python" -m venv .venv
	@echo "Installing requirements.lock into .venv"
	@# uv installs it in seconds; pip, which reads more kinds of configuration, in about a minute.
	@# The lock is complete, so pip has nothing to resolve.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9 \
		&& $(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements.lock \
		|| $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements.lock
	@touch $@

dbt_packages/installed: .venv/installed packages.yml scripts/install_packages.py \
		$(shell find stand_ins -type f)
	@$(BIN)/python scripts/install_packages.py
	@touch $@

demo: setup  ## Find, measure, repair and prove an incident on this machine
	@$(BIN)/python -m demo.run

test: setup lint docs  ## Lint, build the site, run every test, and check all that they sent to Snowflake
	$(BIN)/python -m pytest -n 3 --dist worksteal
	$(BIN)/python -m python_tests.snowflake_statements

oldest-dbt: setup  ## Build and repair with the oldest dbt that the package takes (a few minutes)
	@oldest=$$(sed -n 's/^require-dbt-version: \[">=\([0-9.]*\)".*/\1/p' dbt_project.yml) \
		&& echo "Installing dbt-core $$oldest into target/oldest_dbt" \
		&& $(BIN)/uv venv --quiet --clear --python $(BIN)/python target/oldest_dbt \
		&& $(BIN)/uv pip install --quiet --python target/oldest_dbt -r requirements.in "dbt-core==$$oldest"
	target/oldest_dbt/bin/python -m pytest python_tests/test_installed.py -k "readme_says or repairs_an_incident"

other-pythons: setup  ## Build and repair with the other Pythons that the lock is for (a few minutes each)
	@for version in 3.11 3.12 3.13; do \
		python=$$($(BIN)/uv python find --no-python-downloads --system $$version 2>/dev/null) \
			|| { echo "Python $$version is not installed: not tried"; continue; }; \
		echo "Installing requirements.lock into target/python_$$version" \
			&& $(BIN)/uv venv --quiet --clear --python "$$python" target/python_$$version \
			&& $(BIN)/uv pip install --quiet --python target/python_$$version -r requirements.lock \
			&& target/python_$$version/bin/python -m pytest python_tests/test_installed.py \
				-k "readme_says or repairs_an_incident" \
			|| exit 1; \
	done

soak: setup  ## Let dozens of processes die, runs cross, and each law be broken on purpose (an hour or two)
	$(BIN)/python -m pytest -n 3 --dist worksteal -m soak
	$(BIN)/python -m python_tests.snowflake_statements

bench: setup  ## Measure it and its peers, into docs/performance.md; fails if worse (20 minutes)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r bench/requirements.txt
	$(BIN)/python -m bench.run

# What reads dbt's output works on a small warehouse of its own, apart from the demo's.
lint docs: export EXACTLY_ONCE_DUCKDB_PATH := target/lint.duckdb
lint: export DBT_TARGET_PATH := target/lint
docs: export DBT_TARGET_PATH := target/docs

lint: setup  ## Check the code, the YAML, the SQL and the project's conventions
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/yamllint --strict .
	$(BIN)/python scripts/prepare_lint.py
	$(BIN)/sqlfluff lint --disable-progress-bar $(wildcard models snapshots tests analyses)
	$(BIN)/dbt docs generate --quiet
	COLUMNS=160 $(BIN)/dbt-bouncer --show-all-failures

docs: setup  ## Build the documentation site into target/site, with dbt's own pages in it
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r docs/requirements.txt
	$(BIN)/python scripts/prepare_lint.py
	$(BIN)/dbt docs generate --static --quiet
	@# the variable leaves out an advertisement; --quiet would leave out what --strict counts
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	@echo "Open target/site/index.html"

snowflake-check: setup  ## Check a Snowflake account, in schemas of its own (not yet run on one)
	@$(BIN)/python -m scripts.check_snowflake $(ARGS)

clean:  ## Remove everything that the other commands made, .venv too
	rm -rf .venv dbt_packages target logs .hypothesis .mypy_cache .pytest_cache .ruff_cache
