"""Notebooks keep their form: short, parameterised, without logic, without outputs, each with its room in `paper/`."""

import ast
import tomllib
from pathlib import Path

import nbformat
import pytest
from lab import KERNEL

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PROFILES = tomllib.loads((ROOT / "ci" / "profiles.toml").read_text())
ROOMS = sorted(path for path in (ROOT / "paper").iterdir() if path.is_dir())

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code_cells(path):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def parameters(path) -> dict:
    (cell,) = [cell for cell in code_cells(path) if "parameters" in cell.metadata.get("tags", [])]
    return {
        target.id: ast.literal_eval(statement.value)
        for statement in ast.parse(cell.source).body
        for target in statement.targets
    }


@each_notebook
def test_notebook_is_short_and_opens_with_its_title(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert len(notebook.cells) <= 12
    assert notebook.cells[0].cell_type == "markdown"
    assert notebook.cells[0].source.startswith("# ")
    assert notebook.cells[1].metadata.get("tags") == ["parameters"]


@each_notebook
def test_notebook_is_committed_without_outputs(path):
    ran = [cell for cell in code_cells(path) if cell.outputs or cell.execution_count is not None]
    assert not ran, f"{path.name} was saved with outputs: make clear removes them from all notebooks"
    assert nbformat.read(path, as_version=4).metadata == KERNEL, f"{path.name} was not saved by make lab"


@each_notebook
def test_notebook_holds_no_logic(path):
    for cell in code_cells(path):
        for node in ast.walk(ast.parse(cell.source)):
            assert not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda | ast.Try | ast.While), cell.source


@each_notebook
def test_parameters_are_literals_and_out_dir_is_the_only_path(path):
    """By itself a notebook writes to build/lab: `make accept` adopts the results of build/quick and build/paper."""
    values = parameters(path)
    assert values.pop("out_dir") == "../build/lab"
    assert not any(isinstance(value, str) and "/" in value for value in values.values())


@each_notebook
def test_notebook_names_its_own_results(path):
    assert f'Results("{path.stem}", out_dir)' in "\n".join(cell.source for cell in code_cells(path))


@each_notebook
def test_notebook_has_its_room_with_results_and_a_reference(path):
    room = ROOT / "paper" / path.stem
    assert {"statements.toml", "section.typ", "tables", "figures"} <= {found.name for found in room.iterdir()}
    assert f'room("{path.stem}")' in (room / "section.typ").read_text()
    for tables in (room / "tables", ROOT / "ci" / "reference" / "quick" / "tables" / path.stem):
        assert {"verdicts.csv", "columns.json", "provenance.json"} <= {found.name for found in tables.iterdir()}


def test_every_room_is_that_of_a_notebook():
    assert [room.name for room in ROOMS] == [path.stem for path in NOTEBOOKS]


@each_notebook
def test_profiles_set_only_parameters_that_exist(path):
    profile = ROOT / "paper" / path.stem / "profile.toml"
    by_profile = tomllib.loads(profile.read_text()) if profile.exists() else {}
    assert set(by_profile) <= set(PROFILES)
    defaults = parameters(path)
    for values in by_profile.values():
        assert set(values) <= set(defaults)
        for key, value in values.items():
            assert type(value) is type(defaults[key]), key
