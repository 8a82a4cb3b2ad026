# The table of contents for maintainers. `make` alone lists it; CONTRIBUTING.md says when to use what.
#
# PYTHON says with which interpreter, and gets an environment of its own: make test PYTHON=python3.13
ifeq ($(origin PYTHON),undefined)
PYTHON := python3
VENV ?= .venv
else
VENV ?= .venv-$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
endif
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: $(shell sed -n 's/^\([a-z-]*\):.* \#\# .*/\1/p' $(firstword $(MAKEFILE_LIST)))

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.runtime ## make a picture through the whole stack, offline, on the sandbox
	@$(BIN)/nanobanana generate "Put the mug of the first picture on the table of the second, in evening light" \
	  -r examples/mug.png -r examples/table.jpg -m nanobanana_pro --aspect-ratio 16:9 --sandbox -o demo/mug-on-table \
	  | sed 's/^/Your picture lies at: /'
	@echo "Go on with README.md, or: $(BIN)/nanobanana generate 'Draw a cat' --sandbox"

test: check-generated lint lint-contract types unit mirrors ## everything that CI runs

generate: $(VENV)/.dev ## write from openapi.yaml what follows from it: generated/, the mirror's types, and the tables in README.md and docs/
	@$(BIN)/python tools/generate.py
	@$(BIN)/python tools/tables.py
	@$(BIN)/python tools/mirrors.py --generate
	@$(BIN)/python tools/survey.py

tables: $(VENV)/.dev ## write the tables of models and sizes into README.md and docs/
	@$(BIN)/python tools/tables.py

check-generated: $(VENV)/.dev ## fail unless generated/ and the tables are exactly what openapi.yaml gives
	@$(BIN)/python tools/generate.py --check
	@$(BIN)/python tools/tables.py --check

lint: $(VENV)/.dev ## check style and formatting with ruff, the layers with import-linter, and the CI workflow
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --check --quiet . && echo "ruff: clean"
	@$(BIN)/lint-imports > .import-linter.log 2>&1 && rm .import-linter.log && echo "import-linter: clean" \
	  || { cat .import-linter.log; rm -f .import-linter.log; exit 1; }
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml && echo "workflows: valid"

lint-contract: $(VENV)/.dev ## check openapi.yaml with Redocly's recommended rules
	@$(BIN)/python tools/lint_contract.py

imports: $(VENV)/.dev ## print the rooms of the facade from the top floor down, and what each imports
	@$(BIN)/python tools/imports.py

types: $(VENV)/.dev ## check types with mypy --strict
	@$(BIN)/mypy --no-error-summary && echo "mypy: clean"

faults: $(VENV)/.dev ## write docs/faults.md by playing every fault, to other clients as well (some minutes)
	@$(BIN)/python -m tools.render_faults

unit: $(VENV)/.dev ## run the tests
	@$(BIN)/python -m pytest

conformance: $(VENV)/.dev ## hold the library and each mirror to all vectors, or to those of CASES=FOLDER
	@$(BIN)/python tools/mirrors.py --build
	@$(BIN)/python tools/conformance.py $(CASES)

mirrors: $(VENV)/.dev ## check the mirror in TypeScript: its types, its tests beside the sandbox, and every vector
	@$(BIN)/python tools/mirrors.py

mutants: $(VENV)/.dev ## change the library in small ways, one at a time, and see which vectors notice (many minutes)
	@$(BIN)/python -m tools.mutants

pythons: ## run `make test` on every CPython from 3.11 that this machine has, one after another
	@$(PYTHON) tools/pythons.py

bench: $(VENV)/.bench ## measure this library beside others and write docs/performance.md (about 20 minutes)
	@$(BIN)/python -m benchmarks

clients: $(VENV)/.runtime ## point other people's clients at the sandbox and write the table in docs/sandbox.md (some minutes)
	@$(BIN)/python tools/clients/run.py

slow: $(VENV)/.dev ## run the tests that take minutes as well
	@$(BIN)/python -m pytest -m slow

docs: $(VENV)/.docs ## build the site from docs/ and the docstrings, in dist/docs; warnings are errors
	@$(BIN)/sphinx-build -W --keep-going -q -b html docs dist/docs && echo "The site: dist/docs/index.html"

build: $(VENV)/.dev ## make the wheel and the sdist in dist/, and check them
	@rm -f dist/*.whl dist/*.tar.gz
	@$(BIN)/python -m build --quiet . && $(BIN)/twine check --strict dist/*.whl dist/*.tar.gz && ls dist

clean: ## remove what the other targets made, the virtual environments included
	rm -rf .venv .venv-* $(VENV) .cache dist demo mirrors/*/dist mirrors/*/node_modules .mypy_cache .ruff_cache .import_linter_cache

# What it takes to use the library, its command line and the sandbox.
$(VENV)/.runtime: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; say which with make PYTHON=python3.11")'
	@echo "Setting up $(VENV) (once; it takes a minute) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --upgrade "pip>=25.1"
	@$(PIP) install --editable ".[cli,sandbox]"
	@touch $@

# What it takes to work on it; each of these is a group of pyproject.toml.
$(VENV)/.dev $(VENV)/.docs $(VENV)/.bench: $(VENV)/.%: $(VENV)/.runtime
	@echo "Installing what the group $* needs ..."
	@$(PIP) install --group $*
	@touch $@
