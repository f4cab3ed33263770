"""Typeset the report from the results of a run. `make paper` calls it on the committed ones."""

import argparse
import sys
from pathlib import Path

import typst
from places import ROOT, Places, of_paper, of_run


def typeset(results: Places, target: Path, profile: str = "paper", root: Path = ROOT) -> Path:
    """Write the PDF that `paper/report.typ` makes of the notebooks found in `results`; return its path.

    Args:
        results: inside the project.
        target: the PDF.
        profile: that of the results.
        root: the project.

    Raises:
        ValueError: `results` lies outside the project, where Typst may not read, holds no notebook's tables, or holds
            others than those of the present notebooks, or a notebook has no section.
    """
    if not results.root.resolve().is_relative_to(root):
        raise ValueError(f"results must be a folder inside {root}, got {results.root}")
    notebooks = [name for name in results.notebooks() if results.finished(name)]
    if not notebooks:
        raise ValueError(f"results must hold tables with verdicts, found none in {results.root}")
    without = [name for name in notebooks if not (root / "paper" / name / "section.typ").exists()]
    if without:
        raise ValueError(f"every notebook needs its section, missing: {', '.join(without)} (paper/<name>/section.typ)")
    target.parent.mkdir(parents=True, exist_ok=True)
    base = results.root.resolve().relative_to(root)
    inputs = {
        "tables": f"/{base}/{results.tables}",
        "figures": f"/{base}/{results.figures}",
        "notebooks": ",".join(notebooks),
        "profile": profile,
    }
    try:
        typst.compile(root / "paper" / "report.typ", output=target, root=root, sys_inputs=inputs)
    except typst.TypstError as error:
        raise ValueError(f"results must be those of the present notebooks, run them all again: {error}") from error
    return target


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, help="BUILD/PROFILE of a run; without it the committed results")
    parser.add_argument("--target", type=Path, default=ROOT / "build" / "paper.pdf")
    arguments = parser.parse_args()
    if arguments.results:
        print(typeset(of_run(arguments.results), arguments.target, arguments.results.name))
    else:
        print(typeset(of_paper(), arguments.target))
    return 0


if __name__ == "__main__":
    sys.exit(main())
