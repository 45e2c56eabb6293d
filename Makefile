# Counterfoil's commands. They need Python 3.11 or newer, make, and a package index that pip can reach.
#
#   make demo    try it out: a database, a story of data, a web server (ONCE=1: set up and stop)
#   make test    all tests (ARGS="-k invoice" chooses, JOBS=4 sets how many run at once)
#   make lint    style, types, layers, missing migrations, tests that do not load (make -j2 lint: two at a time)
#   make bench   measurements (ARGS=... is passed on)
#   make chaos   kill workers while a stand-in ERP fails (ARGS="xero --mode documents"; all of it takes half an hour)
#   make throughput   how much of each vendor's limit is used (ARGS="zoho"; six minutes)
#   make stop    stop the embedded database        make clean   delete everything that was made here

PYTHON ?= python3
JOBS ?= 3
UV_VERSION := 0.13.9
VENV := .venv
RUN := $(VENV)/bin/python

export UV_LINK_MODE := copy
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Many processes start here, and each would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test lint types migrations style layers collect template bench chaos throughput stop clean
.DELETE_ON_ERROR:

help:
	@sed -n 's/^#   //p' Makefile

demo: $(VENV)/.runs
	$(RUN) manage.py migrate --verbosity 0
	$(RUN) manage.py demo $(if $(ONCE),--once) $(ARGS)

test: $(VENV)/.develops
	$(RUN) -m pytest -n $(JOBS) --dist worksteal $(ARGS)

lint: types migrations style layers collect

types: $(VENV)/.develops
	$(VENV)/bin/mypy

migrations: $(VENV)/.develops
	$(RUN) manage.py makemigrations --check --dry-run

style: $(VENV)/.develops
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

layers: $(VENV)/.develops
	$(VENV)/bin/lint-imports

# What mypy and ruff do not see: a test that imports what is not there. Says something only then.
collect: $(VENV)/.develops
	@$(RUN) -m pytest --collect-only -p no:terminal || $(RUN) -m pytest --collect-only -q

# The database that the tests' own are copies of; made by the tests themselves where it is missing.
template: $(VENV)/.develops
	$(RUN) -m tests.template

bench: $(VENV)/.develops
	$(RUN) -m benchmarks $(ARGS)

chaos: $(VENV)/.develops
	$(RUN) -m benchmarks.erp.chaos $(ARGS)

throughput: $(VENV)/.develops
	$(RUN) -m benchmarks.erp.throughput $(ARGS)

stop:
	@if [ -x $(RUN) ]; then $(RUN) -m config.embedded_postgres stop; fi

clean:
	@if [ -e $(VENV)/.runs ] || [ -e $(VENV)/.develops ]; then $(RUN) -m config.embedded_postgres remove; fi
	rm -rf $(VENV) .local .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis test-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment, each part made once and again when its list changes.

$(VENV)/.runs: requirements.txt requirements-embedded.txt | $(VENV)/.exists
	$(call install,-r requirements.txt -r requirements-embedded.txt)
	@touch $@

$(VENV)/.develops: requirements.txt requirements-embedded.txt requirements-dev.txt | $(VENV)/.exists
	$(call install,-r requirements-dev.txt)
	@touch $@

$(VENV)/.exists:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Counterfoil needs Python 3.11 or newer. Name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { rm -rf $(VENV); $(virtualenv); } || \
		{ echo "Python cannot make a virtual environment here. Type: sudo apt-get install python3-venv" >&2; exit 1; }
	@touch $@

# Debian splits ensurepip off Python; virtualenv brings its own.
define virtualenv
	$(PYTHON) -m pip install --quiet --target .local/bootstrap virtualenv && \
		PYTHONPATH=.local/bootstrap $(PYTHON) -m virtualenv --quiet $(VENV)
endef

# uv installs several times faster; where it is missing or does not know pip's index, pip does the work.
define install
	@echo "Installing $(1)"
	@$(RUN) -m uv --version >/dev/null 2>&1 || $(RUN) -m pip install --quiet uv==$(UV_VERSION) || true
	@$(RUN) -m uv pip install --quiet --python $(RUN) $(1) || $(RUN) -m pip install --quiet $(1)
endef
