"""The ways to install say the same: environment.yml, pyproject.toml and requirements.lock against each other."""

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from fabric.experiments.runs import provenance

ROOT = Path(__file__).resolve().parents[1]


def lock_for(python: str) -> dict[str, str]:
    """Pinned versions by package for one Python version on Linux."""
    environment = {"python_version": python, "python_full_version": f"{python}.9", "sys_platform": "linux"}
    requirements = [Requirement(line) for line in (ROOT / "requirements.lock").read_text().splitlines()]
    chosen = [r for r in requirements if r.marker is None or r.marker.evaluate(environment)]
    assert len({r.name for r in chosen}) == len(chosen)
    return {r.name: str(r.specifier) for r in chosen}


def test_packages_of_a_gpu_are_pinned_apart():
    lines = (ROOT / "requirements-gpu.lock").read_text().splitlines()
    pinned = [Requirement(line) for line in lines if not line.startswith("#")]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {r.name: r for r in map(Requirement, project["optional-dependencies"]["gpu"])}
    assert wanted.keys() == {requirement.name for requirement in pinned}
    for requirement in pinned:
        assert re.fullmatch(r"==[^*,]+", str(requirement.specifier))
        assert wanted[requirement.name].specifier.contains(str(requirement.specifier).removeprefix("=="))
        for platform, machine in (("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64")):
            here = {"sys_platform": platform, "platform_machine": machine}
            assert requirement.marker.evaluate(here) == wanted[requirement.name].marker.evaluate(here)


@pytest.fixture
def conda():
    return yaml.safe_load((ROOT / "environment.yml").read_text())


@pytest.fixture
def pip_lines(conda):
    return next(entry["pip"] for entry in conda["dependencies"] if isinstance(entry, dict))


def declared() -> list[Requirement]:
    """What the project and its extras require, but for a GPU's packages: no other depends on them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [line for name, lines in project["optional-dependencies"].items() if name != "gpu" for line in lines]
    found = [Requirement(line) for line in project["dependencies"] + extras]
    return [requirement for requirement in found if requirement.name != project["name"]]


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_every_declared_package_is_pinned_exactly(python):
    lock = lock_for(python)
    assert all(re.fullmatch(r"==[^*,]+", pin) for pin in lock.values())
    for requirement in declared():
        assert requirement.name in lock
        assert requirement.specifier.contains(lock[requirement.name].removeprefix("=="))


def test_conda_installs_the_lock_and_names_the_same_versions(conda, pip_lines):
    (python,) = [entry for entry in conda["dependencies"] if str(entry).startswith("python=")]
    lock = lock_for(python.removeprefix("python="))
    assert "--requirement requirements.lock" in pip_lines
    named = {Requirement(line).name: str(Requirement(line).specifier) for line in pip_lines if not line.startswith("-")}
    assert named == {requirement.name: lock[requirement.name] for requirement in declared()}


@pytest.mark.parametrize("folder", [ROOT / "paper", ROOT / "ci" / "reference"], ids=lambda path: path.name)
def test_committed_results_come_from_the_pinned_versions(folder):
    lock = lock_for("3.11")
    made = [json.loads(path.read_text()) for path in folder.rglob("provenance.json")]
    assert len(made) == len(list((ROOT / "notebooks").glob("*.ipynb")))
    assert all(record.keys() == provenance().keys() for record in made)
    for record in made:
        assert record["packages"].keys() & lock.keys() == provenance()["packages"].keys() & lock.keys()
        assert len(record["packages"]) == len(provenance()["packages"])  # one more: this project itself
    for name, version in {item for record in made for item in record["packages"].items() if item[0] in lock}:
        assert Requirement(name + lock[name]).specifier.contains(version), name


def test_the_lock_carries_no_addresses_and_no_cuda():
    text = (ROOT / "requirements.lock").read_text()
    assert "://" not in text
    assert not re.search(r"^(nvidia|cuda|triton)", text, re.MULTILINE)
    assert text.splitlines() == sorted(text.splitlines(), key=lambda line: re.split("[=;]", line)[0])


def test_binder_installs_the_package_after_the_environment():
    """Binder reads environment.yml and calls postBuild; a folder binder/ would hide both. Its service was not tried."""
    script = ROOT / "postBuild"
    assert os.access(script, os.X_OK)
    assert not [name for name in ("binder", ".binder") if (ROOT / name).exists()]
    assert "python ci/editable.py" in script.read_text()


def test_the_job_for_slurm_is_a_script_with_options_that_slurm_knows():
    script = ROOT / "ci" / "cluster.slurm"
    subprocess.run(["bash", "-n", script], check=True)
    options = dict(re.findall(r"^#SBATCH --([\w-]+)=(\S+)$", script.read_text(), re.MULTILINE))
    assert options.keys() == {"job-name", "ntasks", "cpus-per-task", "mem-per-cpu", "time"}
    assert int(options["ntasks"]) > 1  # one schedules
    assert "DASK_SCHEDULER_ADDRESS" in script.read_text()
