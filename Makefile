# Everything a fresh machine needs: python3 (with venv), make, git and curl.
#   make demo    see it work
#   make test    engines, then all tests
#   make lint    format, lint, types
#   make bench   cost beside nginx, haproxy and others: 12 minutes (needs gcc and wrk; takes nginx,
#                haproxy and caddy if they are there); make bench-short takes two
#   make lock    new requirements/*.txt after a change of pyproject.toml

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
SOURCES := sidecar tests $(wildcard bench)
PIP := -m pip --disable-pip-version-check -q

.PHONY: demo test lint bench bench-short lock clean

demo: $(READY)
	$(PY) -m sidecar.demo

# The vendors' clients come with their own installers; Node.js too, where the machine's is old.
CLIENTS := $(or $(CLIENTS_DIR),$(CURDIR)/.venv-clients)
test: export PATH := $(CLIENTS)/node/bin:$(PATH)
test: $(READY)
	$(PY) tests/harness/node.py
	for installer in tests/*/install.py; do $(PY) $$installer || exit 1; done
	$(PY) -m pytest

bench: $(READY)
	$(PY) -m bench.packages
	$(PY) -m bench --write

bench-short: $(READY)
	$(PY) -m bench.packages
	$(PY) -m bench --short

lint: $(READY)
	$(PY) -m ruff format --check $(SOURCES)
	$(PY) -m ruff check $(SOURCES)
	$(PY) -m mypy $(SOURCES)

# The stamp is written last, so an interrupted build is begun again. hatchling comes from the lock
# too (--no-build-isolation): nothing is installed that has no hash.
$(READY): requirements/dev.txt pyproject.toml
	$(PYTHON) -m venv --clear $(VENV)
	$(PY) $(PIP) install --require-hashes -r requirements/dev.txt
	$(PY) $(PIP) install --no-deps --no-build-isolation --editable .
	touch $@

# Made with the oldest Python that is supported: what only that one needs is then in the lock.
# PIP_CONFIG_FILE and PIP_FIND_LINKS: hashes of the public index, not of packages built here.
# No machine path, no index address and no option of this call ends up in the files.
LOCK_VENV := .venv-lock
COMPILE = CUSTOM_COMPILE_COMMAND="make lock" PIP_CONFIG_FILE=/dev/null PIP_FIND_LINKS= \
	$(LOCK_VENV)/bin/pip-compile -q --generate-hashes --strip-extras --allow-unsafe \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links

lock:
	$(PYTHON) -m venv --clear $(LOCK_VENV)
	$(LOCK_VENV)/bin/python $(PIP) install pip-tools==7.6.2
	$(COMPILE) --extra dev -o requirements/dev.txt pyproject.toml
	$(COMPILE) --extra redis --extra otel -c requirements/dev.txt -o requirements/runtime.txt pyproject.toml
	$(COMPILE) -c requirements/dev.txt --only-build-deps --build-deps-for wheel \
		-o requirements/build.txt pyproject.toml

clean:
	rm -rf .venv .venv-* dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
