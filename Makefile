# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: demo test slow coverage check lint docs docs-serve pages fusion clean constraints dist release-check

demo: $(VENV)/.core
	$(BIN)/mien demo --out demo

test: $(VENV)/.dev
	$(PYTEST)

slow: $(VENV)/.dev
	$(PYTEST) -m slow

# Both runs of tests under one measurement of lines. sys.monitoring costs least and needs 3.12.
coverage: export COVERAGE_CORE = $(shell $(BIN)/python -c \
	'import sys; print("sysmon" if sys.version_info >= (3, 12) else "ctrace")')
coverage: $(VENV)/.dev
	rm -f .coverage .coverage.*
	$(PYTEST) --cov --cov-report=
	$(PYTEST) -m slow --cov --cov-append --cov-report=term:skip-covered --cov-fail-under=90

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/private_names.py

check: lint docs coverage

# The documentation site in build/site; strict: a link that leads nowhere is an error.
docs: export NO_MKDOCS_2_WARNING = 1
docs: $(VENV)/.dev
	$(BIN)/python scripts/gallery.py build/gallery
	$(BIN)/mkdocs build --quiet

# The generated pages that are deterministic; the tests check them.
PAGES := branch_page card_table commands_page fusion_page options_page paper_table results_page schema_page site_figures
pages: $(VENV)/.core
	for page in $(PAGES); do $(BIN)/python scripts/$$page.py || exit 1; done

docs-serve: docs
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory build/site 8000

# Wheel, sdist, bills of materials and digests; the same commit gives the same files.
dist: export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct)
dist: $(VENV)/.dev
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist
	$(BIN)/python scripts/sbom.py --out dist/sbom
	cd dist && sha256sum *.whl *.tar.gz > SHA256SUMS

# All that must hold before a release (docs/release.md): every test, every generated page, the files.
release-check: check dist
	$(BIN)/python scripts/licences_page.py --check
	$(BIN)/python scripts/options_page.py --check
	test -z "$$(git status --porcelain)" || { git status --short; exit 1; }
	cat dist/SHA256SUMS

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.core
	$(PIP) install --quiet --constraint constraints.txt --editable '.[dev,hub,ray,whisper-base]'
	touch $@

# Refits the shipped pool after a branch pack was replaced; CONTRIBUTING.md says what it needs.
FER ?= fer2013.npz
TEXTS ?= ../shared/data/text
VOICE ?= voice.run/posteriors.csv
POSTERIORS ?= build/posteriors
PACKS := src/mien/embedded

fusion: $(addprefix $(POSTERIORS)/,face.csv text-meld.csv text-goemotions.csv voice.csv)
	$(BIN)/mien train fusion --compose $(POSTERIORS) --out $(PACKS)/fusion
	$(BIN)/python scripts/fusion_page.py
	$(BIN)/python scripts/paper_table.py

$(POSTERIORS)/face.csv: $(PACKS)/face/model.onnx $(FER) | $(VENV)/.core
	mkdir -p $(@D)
	$(BIN)/mien evaluate face --data $(FER) --split PublicTest --posteriors $@

$(POSTERIORS)/text-meld.csv: $(PACKS)/text/model.onnx | $(VENV)/.core
	mkdir -p $(@D)
	$(BIN)/mien evaluate text --data $(TEXTS)/meld/dev_sent_emo.csv --posteriors $@

$(POSTERIORS)/text-goemotions.csv: $(PACKS)/text/model.onnx | $(VENV)/.core
	mkdir -p $(@D)
	$(BIN)/mien evaluate text --data $(TEXTS)/goemotions --split dev --posteriors $@

# The voice that ships has heard every speaker: what counts is what its held-out run said.
$(POSTERIORS)/voice.csv: $(VOICE)
	mkdir -p $(@D)
	cp $(VOICE) $@

# The versions that main was last tested with.
constraints: $(VENV)/.dev
	$(PIP) freeze --exclude-editable | sed 's/+cpu//' > constraints.txt

clean:
	rm -rf $(VENV) demo build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
