# Everything a person does to this repository. Nothing here needs root.
#
#   make test PYTEST_ARGS='-k lease -x'                   some of the tests
#   make test PYTEST_ARGS='-n 0'                          one after the other, as --pdb wants
#   make clean test PYTHON=/opt/python3.13/bin/python3    another interpreter

VENV  := .venv
PY    := $(VENV)/bin/python
STAMP := $(VENV)/installed-for

# Tried in this order; the first that is new enough and can make a venv is used.
PYTHON ?= python3 python3.13 python3.12 python3.11 python3.14

PYTEST_ARGS ?=
BENCH_ARGS  ?=
DEMO_ARGS   ?=

.DEFAULT_GOAL := help
.PHONY: help demo test lint format bench campaign coverage diagrams man lock clean git moved

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 18

demo: $(STAMP) git ## run the whole thing on a throw-away repository
	@PYTHONPATH=tests $(PY) -P tests/demo/demo.py $(DEMO_ARGS)

# A file's tests stay together: what a module sets up is set up once.
test: $(STAMP) git ## run the tests
	@$(PY) -m pytest --numprocesses 2 --dist loadfile $(PYTEST_ARGS)

lint: $(STAMP) ## check style, types and layers
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy
	$(VENV)/bin/lint-imports --no-logo

format: $(STAMP) ## put the code in its form
	$(PY) -m ruff format
	$(PY) -m ruff check --fix

bench: $(STAMP) git ## measure
	@PYTHONPATH=tests $(PY) -P tests/bench/run.py $(BENCH_ARGS)

# A campaign takes as long as it takes.
campaign: $(STAMP) git ## run the long tests: many seeds, many faults
	@$(PY) -m pytest -m campaign --timeout=0 -o faulthandler_timeout=0 $(PYTEST_ARGS)

coverage: $(STAMP) git ## run the tests and report what they do not reach
	@$(PY) -m coverage erase
	@$(PY) -m coverage run -m pytest $(PYTEST_ARGS)
	@$(PY) -m coverage combine --quiet
	@$(PY) -m coverage report

diagrams: $(STAMP) ## redraw ARCHITECTURE.md's pictures from the tables
	@PYTHONPATH=tests $(PY) -m support.diagrams

man: $(STAMP) ## write the manual pages to build/man
	@$(PY) -m kanbanctl.manpages build/man

# The two files hold what pip needs and nothing about where it comes from.
# requirements-dev.txt contains all of requirements.txt, at the same versions.
LOCK = $(PY) -m uv pip compile --quiet --universal --python-version 3.11 \
	--upgrade --generate-hashes --no-header --no-emit-index-url --no-emit-find-links

lock: $(STAMP) ## choose the newest versions of all dependencies and pin them
	$(PY) -m pip install --quiet --disable-pip-version-check 'uv>=0.9'
	$(LOCK) pyproject.toml --output-file requirements.txt
	$(LOCK) pyproject.toml --group dev --constraint requirements.txt \
		--output-file requirements-dev.txt

clean: ## remove what make made, the virtual environment too
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache \
		.import_linter_cache .hypothesis .coverage .coverage.* htmlcov
	find daemon workerproc ipc tests -name __pycache__ -prune -exec rm -rf {} +

# -- the virtual environment -------------------------------------------------
# The stamp holds the folder it was made for: a venv does not survive a move.

ifneq ($(shell cat $(STAMP) 2>/dev/null),$(CURDIR))
$(STAMP): moved
endif

$(STAMP): pyproject.toml requirements-dev.txt
	@if [ "$$(cat $@ 2>/dev/null)" != '$(CURDIR)' ] || ! $(PY) -m pip --version >/dev/null 2>&1; then \
		$(find_python); \
		echo "making $(VENV) with $$python"; \
		"$$python" -m venv --clear $(VENV); \
	fi
	@$(PY) -m pip install --quiet --disable-pip-version-check \
		--no-deps --require-hashes --requirement requirements-dev.txt
	@$(PY) -m pip install --quiet --disable-pip-version-check \
		--no-deps --no-build-isolation --editable .
	@printf '%s\n' '$(CURDIR)' > $@

ifeq ($(shell id -u),0)
APT := apt-get install
else
APT := sudo apt-get install
endif

git:
	@command -v git >/dev/null || { \
		echo "kanband works on git repositories, and there is no git here." >&2; \
		echo "Debian, Ubuntu:  $(APT) git" >&2; \
		exit 1; }

# Sets $python, or says what to install and stops.
define find_python
python= advice=; \
for candidate in $(PYTHON); do \
	found=$$("$$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' \
		2>/dev/null) || continue; \
	if ! "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
		: "$${advice:=$$candidate is Python $$found. Debian 12, Ubuntu 24.04 or later:  $(APT) python3 python3-venv}"; \
	elif ! "$$candidate" -c 'import venv, ensurepip' 2>/dev/null; then \
		advice="$$candidate (Python $$found) lacks venv. Debian, Ubuntu:  $(APT) python$$found-venv"; \
	else \
		python=$$candidate; break; \
	fi; \
done; \
if [ -z "$$python" ]; then \
	echo "kanband needs Python 3.11 or newer, with its venv module." >&2; \
	echo "$${advice:-No Python found as: $(PYTHON). Debian, Ubuntu:  $(APT) python3 python3-venv}" >&2; \
	echo "Another interpreter:  make PYTHON=/path/to/python3" >&2; \
	exit 1; \
fi
endef
