"""Run the notebooks of a profile through papermill and typeset the report. `make figures` calls it.

Every run of an experiment is stored when it finishes, so calling this again after a kill resumes where it stopped.
"""

import argparse
import os
import sys
import time
import tomllib
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import papermill
import report
from places import ROOT, of_run
from tqdm import tqdm

NOTEBOOKS = ROOT / "notebooks"


def load_profile(name: str) -> dict[str, Any]:
    """The entry of profiles.toml."""
    profiles = tomllib.loads((ROOT / "ci" / "profiles.toml").read_text(encoding="utf-8"))
    if name not in profiles:
        sys.exit(f"profile must be one of {', '.join(profiles)}, got {name!r}")
    return profiles[name]


def parameters(profile: str, notebook: str) -> dict[str, Any]:
    """What a profile sets in a notebook's parameters cell: its table in the `profile.toml` of the notebook's room."""
    path = ROOT / "paper" / notebook / "profile.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")).get(profile, {}) if path.exists() else {}


def select(only: str | None) -> list[Path]:
    """All notebooks, or those whose name starts with `only`."""
    chosen = sorted(path for path in NOTEBOOKS.glob("*.ipynb") if path.name.startswith(only or ""))
    if not chosen:
        sys.exit(f"ONLY must be the beginning of a notebook's name, got {only!r}: there is none in {NOTEBOOKS}")
    return chosen


def execute(notebook: Path, out: Path, parameters: dict[str, Any], cores: int) -> float:
    """Run one notebook; return its seconds.

    Raises:
        ValueError: the profile sets a parameter that the notebook's parameters cell does not have.
        papermill.PapermillExecutionError: a cell failed.
    """
    known = papermill.inspect_notebook(str(notebook))
    unknown = sorted(set(parameters) - set(known))
    if unknown:
        raise ValueError(
            f"parameters of {notebook.name} must be among {sorted(known)}, the profile also sets {unknown}"
        )
    os.environ |= {"LOKY_MAX_CPU_COUNT": str(cores), "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
    os.environ["JUPYTER_PATH"] = f"{sys.prefix}/share/jupyter"  # searched first: python3 is this kernel
    start = time.monotonic()
    papermill.execute_notebook(
        str(notebook),
        str(out / "notebooks" / notebook.name),
        parameters={"out_dir": str(out), **parameters},
        kernel_name="python3",
        progress_bar=False,
        extra_arguments=["--IPKernelApp.log_level=40"],  # no warning about sockets that only this machine sees
        cwd=str(NOTEBOOKS),
    )
    return time.monotonic() - start


def follow(futures: dict[Future, Path], out: Path) -> None:
    """Show a progress bar until all notebooks are done: notebooks finished, names in progress, runs stored."""
    with tqdm(total=len(futures), unit="notebook", desc="notebooks") as progress:
        pending = set(futures)
        while pending:
            done, pending = wait(pending, timeout=2)
            running = [futures[future].stem for future in pending if future.running()]
            runs = sum(1 for _ in (out / "runs").glob("*.json"))
            note = "; ".join(filter(None, [", ".join(running), f"{runs} runs stored"]))
            progress.set_postfix_str(note, refresh=bool(done) or sys.stderr.isatty())  # logs: a line per notebook
            if done:
                progress.update(len(done))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="quick", help="entry of ci/profiles.toml")
    parser.add_argument("--only", help="run only notebooks whose name starts with this, e.g. 01")
    parser.add_argument("--build", type=Path, default=ROOT / "build", help="output goes to BUILD/PROFILE")
    arguments = parser.parse_args()
    profile = load_profile(arguments.profile)
    notebooks = select(arguments.only)
    os.environ["FABRIC_BUILD"] = str(arguments.build.resolve())
    out = arguments.build.resolve() / arguments.profile
    (out / "notebooks").mkdir(parents=True, exist_ok=True)

    # Threads: each only waits for its kernel, a process of its own that ends when this one is killed (workers that the
    # kernel started finish the run they are in, which is lost, and end).
    with ThreadPoolExecutor(profile["at_once"]) as pool:
        futures = {
            pool.submit(execute, path, out, parameters(arguments.profile, path.stem), profile["cores"]): path
            for path in notebooks
        }
        follow(futures, out)

    failures = {path: future.exception() for future, path in futures.items() if future.exception()}
    for path, error in failures.items():
        print(f"\n{path.stem}: {type(error).__name__}: {error}", file=sys.stderr)
    stale = False
    results = of_run(out)
    without = [path.stem for path in select(None) if not results.finished(path.stem)]
    if without:
        missing = ", ".join(without) if len(without) <= 3 else f"those of {len(without)}"
        print(f"report: not typeset, it needs the results of all notebooks; missing: {missing}")
    elif not failures:
        try:
            print(f"report: {report.typeset(results, out / 'report.pdf', arguments.profile)}")
        except ValueError as error:
            print(f"report: not typeset, {error}")
            stale = True
    width = max(len(path.stem) for path in notebooks)
    print(f"\n{'notebook':<{width}}  seconds  status")
    for future, path in futures.items():
        seconds = f"{future.result():7.1f}" if path not in failures else "      -"
        print(f"{path.stem:<{width}}  {seconds}  {'FAILED' if path in failures else 'ok'}")
    return 1 if failures or (stale and arguments.only is None) else 0


if __name__ == "__main__":
    sys.exit(main())
