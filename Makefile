# `make` alone tests everything. The README shows the plain commands behind `demo` and `test`.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: all demo test lint bench bench-peers docs clean
all: lint test

.venv/demo: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -e '.[quickstart]'
	touch $@

.venv/test: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -e '.[all,dev]'
	touch $@

demo: .venv/demo        ## spoken questions through pipelines/quickstart.yaml
	$(BIN)/voicepipe demo

test: .venv/test        ## the whole suite
	$(BIN)/python -m pytest

lint: .venv/test        ## linter, formatter and type checker
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

bench: .venv/test       ## the figures in benchmarks/results
	$(BIN)/python -m benchmarks

bench-peers: .venv/test ## beside Pipecat and LiveKit Agents, each in an environment of its own
	$(BIN)/python -m benchmarks.peers
	$(BIN)/python -m docs.generate

docs: .venv/test        ## what is generated in docs/ from tables and models
	$(BIN)/python -m docs.generate

clean:
	rm -rf .venv .venv-peers .pytest_cache .mypy_cache .ruff_cache
