# The commands that a person, a hook and CI share. `make` alone lists them.
PY ?= python3
RUN := .venv/bin/python -m
export PATH := $(CURDIR)/.venv/bin:$(PATH)
.DEFAULT_GOAL := help
.PHONY: help install check lint fast test demo hydra bench bench-ory bench-grants bench-timing bench-sign-ins bench-replicas bench-storm bench-soak screenshots components messages format

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: .venv/.installed ## make .venv with everything that development needs, each package checked by its hash

.venv/.installed: requirements-dev.lock pyproject.toml scripts/install.py
	@$(PY) scripts/install.py .venv requirements-dev.lock
	@touch .venv/.runtime $@

.venv/.runtime: requirements.lock pyproject.toml scripts/install.py # the part of it that runs
	@$(PY) scripts/install.py .venv requirements.lock
	@touch $@

check: lint fast ## format, lint, types, import contracts, templates and the fast tests: needs no server, no browser

lint: install
	ruff format --check . && ruff check . && mypy portal && lint-imports --no-logo && djlint templates portal/dev/templates --lint --check

fast: install
	pytest --quiet --numprocesses 2

test: check ## check, then everything against real Hydra, PostgreSQL and Chromium, as far as this machine has them
	$(RUN) tests.hydra.build --optional
	pytest -m "hydra or postgres or browser or slow" --durations 10

demo: .venv/.runtime ## a stand-in for Ory, the portal and an app to click through; ARGS="--help" tells more
	@exec .venv/bin/python -m portal demo $(ARGS)

hydra: install ## build the real Hydra into .cache/ (minutes, once) and print where it is
	@$(RUN) tests.hydra.build

bench: install ## whole sign-ins through the real Hydra: the portal beside Ory's reference app; ARGS="--quick", ARGS="--help"
	$(RUN) benchmarks.flows $(ARGS)

bench-ory: install ## what a call to Ory costs, by transport, against the real Hydra
	HYDRA_BIN=$$($(RUN) tests.hydra.build) $(RUN) benchmarks.ory_transports

bench-grants: install ## what a search among one and ten million grants costs; GRANTS=100000,1000000 for a quick one, ARGS="--keep DIR"
	$(RUN) benchmarks.grants $(ARGS)

bench-timing: install ## whether the time of a refused sign-in tells what accounts there are; some minutes
	$(RUN) benchmarks.timing $(ARGS)

bench-sign-ins: install ## what a sign-in costs beside its hash, and what five hundred at once do
	$(RUN) benchmarks.sign_ins $(ARGS)

bench-pages: install ## what login and consent weigh, and how soon a slow browser paints them
	$(RUN) benchmarks.pages $(ARGS)

gallery: install ## pictures of every page in every state into build/gallery; ARGS="--pages 'login*' --languages en,ar"
	$(RUN) scripts.gallery $(ARGS)

visual: install ## compare the main states with their approved pictures; ARGS=--approve takes them anew
	$(if $(filter --approve,$(ARGS)),PORTAL_APPROVE_PICTURES=1) pytest -m "browser or not browser" tests/pages/test_visual.py $(filter-out --approve,$(ARGS))

screenshots: install ## make the pictures of the README, by `portal demo` and Chromium
	$(RUN) scripts.screenshots

components: install ## make docs/components.html, which shows every component in every state
	$(RUN) scripts.components

messages: install ## take changed texts into the catalogs of all languages, and compile them
	$(RUN) scripts.messages

format: install ## rewrite code and templates as `make check` wants them
	ruff format . && ruff check --fix . ; djlint templates portal/dev/templates --reformat --quiet

bench-replicas: install ## two portals over one PostgreSQL, one killed every few seconds: is anything lost or wrong? ten minutes
	$(RUN) benchmarks.replicas $(ARGS)

bench-storm: install ## sign-ins at ten times what can be hashed, while everybody else goes on
	$(RUN) benchmarks.storm $(ARGS)

bench-soak: install ## 100,000 mixed requests with faults: do memory and open files stay flat? ARGS="--requests 5000"
	$(RUN) benchmarks.soak $(ARGS)
