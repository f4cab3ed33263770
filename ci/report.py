"""Typeset the report from a folder of results. `make paper` calls it on the committed ones."""

import argparse
import sys
from pathlib import Path

import typst

ROOT = Path(__file__).resolve().parents[1]


def typeset(results: Path, target: Path) -> Path:
    """Write the PDF that `paper/report.typ` makes of the notebooks found under `results`; return its path.

    Args:
        results: folder with tables/ and figures/, inside the project.
        target: the PDF.

    Raises:
        ValueError: `results` lies outside the project, where Typst may not read, holds no notebook's tables, or holds
            others than those of the present notebooks.
    """
    if not results.resolve().is_relative_to(ROOT):
        raise ValueError(f"results must be a folder inside {ROOT}, got {results}")
    notebooks = sorted(path.parent.name for path in results.glob("tables/*/verdicts.csv"))
    if not notebooks:
        raise ValueError(f"results must hold tables/<notebook>/verdicts.csv, found none in {results}")
    target.parent.mkdir(parents=True, exist_ok=True)
    inputs = {
        "results": f"/{results.resolve().relative_to(ROOT)}",
        "notebooks": ",".join(notebooks),
        "profile": "quick" if results.name == "quick" else "paper",
    }
    try:
        typst.compile(ROOT / "paper" / "report.typ", output=target, root=ROOT, sys_inputs=inputs)
    except typst.TypstError as error:
        raise ValueError(f"results must be those of the present notebooks, run them all again: {error}") from error
    return target


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=ROOT / "paper" / "results")
    parser.add_argument("--target", type=Path, default=ROOT / "build" / "paper.pdf")
    arguments = parser.parse_args()
    print(typeset(arguments.results, arguments.target))
    return 0


if __name__ == "__main__":
    sys.exit(main())
