# `make run` on a machine with Python 3.11 and make: sets up .venv once, then starts the server.
# Variables: PORT, DATA (directory of the embedded database), PYTHON, VENV, JOBS, ROUNDS, and ARGS
# for more arguments (`make test ARGS="-k consent"`, `make lock ARGS=--upgrade`).

VENV ?= .venv
PORT ?= 8000
DATA ?=
PYTHON ?=
JOBS ?= 2
ROUNDS ?= 50
ARGS ?=

BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP_INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input
UV = $$(command -v uv || echo $(BIN)/uv)
COMPILE = $(UV) pip compile --universal -p 3.11 --generate-hashes --no-emit-index-url

.DEFAULT_GOAL := help
.PHONY: help setup run demo test pytest lint bench browser chaos openapi data-map lock clean

help: ## Show the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18

setup: $(READY) ## Set up .venv from the lock file, if need be

run: $(READY) ## Set up, then serve with an embedded PostgreSQL (PORT=8000, DATA=directory)
	@exec $(BIN)/vitalkeep dev --port "$(PORT)" $(if $(DATA),--data "$(DATA)")

demo: $(READY) ## Run the whole story on a throw-away database
	@exec $(BIN)/vitalkeep demo

test: lint pytest ## Format, lint, types, and all tests that need no browser

pytest: $(READY)
	$(BIN)/pytest -n $(JOBS) --dist loadgroup $(ARGS)

lint: $(READY) ## Format check, ruff and mypy
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy src tests bench chaos

bench: $(READY) ## Measure the budgets and print the table (ARGS=--growth for 10 million records)
	@exec $(BIN)/python -m bench $(ARGS)

browser: $(READY) ## Try the pages for people in headless Chromium (on the PATH, or VITALKEEP_CHROMIUM)
	$(BIN)/pytest tests/browser $(ARGS)

chaos: $(READY) ## Kill server and PostgreSQL in mid-push, ROUNDS=50 times each, and look what is left
	@exec $(BIN)/python -m chaos --rounds "$(ROUNDS)" $(ARGS)

openapi: $(READY) ## Write openapi/v1.json from the code
	@mkdir -p openapi
	$(BIN)/vitalkeep openapi > openapi/v1.json.new && mv openapi/v1.json.new openapi/v1.json \
		|| { rm -f openapi/v1.json.new; exit 1; }

data-map: $(READY) ## Write docs/data-map.md from the columns' declarations
	$(BIN)/vitalkeep data-map > docs/data-map.md.new && mv docs/data-map.md.new docs/data-map.md \
		|| { rm -f docs/data-map.md.new; exit 1; }

lock: ## Bring both lock files in line with pyproject.toml (needs uv)
	@command -v $(UV) > /dev/null || { echo "make lock needs uv on the PATH." >&2; exit 1; }
	$(COMPILE) --extra dev pyproject.toml -o requirements-dev.lock $(ARGS)
	$(COMPILE) -c requirements-dev.lock pyproject.toml -o requirements.lock $(ARGS)

clean: ## Remove caches and build leftovers; .venv and your data stay
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage* dist
	find src tests bench chaos migrations -name __pycache__ -type d -prune -exec rm -rf {} +

# Made anew when a lock file or pyproject.toml changed; an environment that still works is reused.
$(READY): requirements-dev.lock pyproject.toml
	@set -eu; \
	say() { echo "$$*" >&2; exit 1; }; \
	owner() { set -- $$(ls -ld "$$1"); echo "$$3"; }; \
	fit() { "$$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; }; \
	for place in . "$(VENV)"; do \
		[ ! -e "$$place" ] || [ -w "$$place" ] || say "$$(id -un) can't write to $$place, which" \
			"belongs to $$(owner "$$place"): run make as that user, or in a checkout of your own."; \
	done; \
	if fit "$(BIN)/python" && "$(BIN)/python" -m pip --version > /dev/null 2>&1; then exit 0; fi; \
	python=; \
	for each in $(PYTHON) python3.11 python3; do \
		if fit "$$each"; then python=$$each; break; fi; \
	done; \
	[ -n "$$python" ] || say "Python 3.11 or newer is needed: python3.11 or python3 on the PATH," \
		"or make PYTHON=/where/it/is."; \
	"$$python" -c 'import ensurepip, venv' 2> /dev/null || say "$$python lacks venv and" \
		"ensurepip: install them (on Debian and Ubuntu: apt-get install python3-venv)."; \
	echo "Making $(VENV) with $$python ..."; \
	clear=; [ ! -e "$(VENV)/pyvenv.cfg" ] || clear=--clear; \
	"$$python" -m venv $$clear "$(VENV)"
	@echo "Installing the locked requirements into $(VENV) ..."
	@$(PIP_INSTALL) --require-hashes -r requirements-dev.lock
	@$(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@touch $@
