# Everything a developer needs. Wanted on the machine: git, make, Python 3.11, 3.12 or 3.13.
# `make` alone explains itself. Each target prepares .venv by itself, and only when the lock file changed.

SHELL := /bin/sh
.DEFAULT_GOAL := help

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && { echo $$p; break; }; done)
V := .venv/bin
LOCK := --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet

.PHONY: help venv up down test soak lint format bench seed schema lock messages pictures clean

help: ## this list
	@echo "make TARGET, where TARGET is one of"
	@sed -n 's/^\([a-z]*\):.*## /  \1\t/p' Makefile | expand -t 14

venv: # .venv with the locked dependencies
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed, and none is on PATH." >&2; exit 1; }
	@$(PYTHON) loyalty/dev/bootstrap.py

up: venv ## start the whole platform here (Ctrl-C ends it); PORT, DATABASE_URL, REDIS_URL are honoured
	@exec $(V)/python -m loyalty.dev up

down: venv ## end a platform that runs in another terminal
	@exec $(V)/python -m loyalty.dev down

test: venv ## the tests, with their own Postgres and Redis: make test ARGS="tests/points -x"
	@exec $(V)/python -m loyalty.dev test -- $(ARGS)

soak: venv ## the long drills (kills, races, faults …): make soak ARGS=list
	@exec $(V)/python -m loyalty.dev.soak $(ARGS)

lint: venv ## ruff, mypy, the layers, missing migrations
	@exec $(V)/python -m loyalty.dev lint

format: venv ## put the code into shape
	@$(V)/ruff check --fix-only --quiet .
	@$(V)/ruff format .

bench: venv ## the benchmarks: make bench ARGS=…
	@exec $(V)/python -m bench $(ARGS)

seed: venv ## (re)fill the demo brand while `make up` runs
	@exec $(V)/python manage.py seed_demo $(ARGS)

schema: venv messages ## write the OpenAPI documents to docs/openapi/
	@exec $(V)/python -m loyalty.dev schema

lock: venv ## write requirements/*.txt anew after pyproject.toml changed (needs the package index)
	@$(V)/uv pip compile $(LOCK) pyproject.toml -o requirements/base.txt
	@$(V)/uv pip compile $(LOCK) --extra dev --extra test pyproject.toml -o requirements/dev.txt

messages: venv ## compile the translations (.po to .mo)
	@exec $(V)/python -m loyalty.dev messages

pictures: venv ## take the pictures of docs/images anew, while `make up` runs (needs Chromium)
	@exec $(V)/python -m loyalty.dev.pictures $(ARGS)

clean: ## end what runs here, and remove .venv and var (the demo data too)
	@if test -x $(V)/python; then $(V)/python -m loyalty.dev clean; fi
	@rm -rf .venv .venv.lock var staticfiles .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@find locale -name '*.mo' -delete 2>/dev/null || true
