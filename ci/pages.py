"""Write the pages that follow from the committed results: `paper/GALLERY.md` and `paper/STATEMENTS.md`.

`make accept PROFILE=paper` calls it; a test holds both pages against the results.
"""

import math
import re
import sys
from collections import Counter
from dataclasses import dataclass

import nbformat
import pandas as pd
from places import ROOT, of_paper

from fabric.experiments.statements import all_published

GALLERY, STATEMENTS = ROOT / "paper" / "GALLERY.md", ROOT / "paper" / "STATEMENTS.md"
WORDS = {"supported": "reproduced", "better": "better", "refuted": "not reproduced", "undecided": "undecided"}


@dataclass(frozen=True)
class Study:
    """A notebook with committed results: its title, its first figure, and a row for each of its statements."""

    notebook: str
    title: str
    picture: str
    rows: list[tuple[str, ...]]  # statement with source, published, ours, verdict


def studies() -> list[Study]:
    """All notebooks whose results are committed."""
    found = []
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        if not of_paper().finished(path.stem):
            continue
        cells = nbformat.read(path, as_version=4).cells
        table = pd.read_csv(of_paper().tables_of(path.stem) / "verdicts.csv").set_index("claim")
        rows = [
            (f"{entry['statement']} ({entry['source'].split(';')[0]})", *_cells(entry, table, claim))
            for claim, entry in all_published().items()
            if entry["notebook"] == path.stem
        ]
        picture = (of_paper().figures_of(path.stem) / f"{_first_figure(cells)}.svg").relative_to(GALLERY.parent)
        title = cells[0].source.splitlines()[0].removeprefix("# ")
        found.append(Study(path.stem, title, picture.as_posix(), rows))
    return found


def _first_figure(cells: list[nbformat.NotebookNode]) -> str:
    return next(found[1] for cell in cells if (found := re.search(r'results\.figure\(\s*"(\w+)"', cell.source)))


def _cells(entry: dict, table: pd.DataFrame, claim: str) -> tuple[str, str, str]:
    if "incomparable" in entry:
        return "–", "–", "not comparable"
    row = table.loc[claim]
    printed = "–" if math.isnan(row["published"]) else f"{row['published']:.6g}"
    ours = f"{row['ours']:.6g}" if row["low"] == row["high"] else f"{row['ours']:.4g}"
    if row["low"] < row["high"]:
        ours += f" ({row['low']:.3g} … {row['high']:.3g})"
    return printed, f"{ours} {entry['unit']}", WORDS[row["verdict"]]


def gallery() -> str:
    """The page with a picture and the counts of the verdicts of each notebook, as Markdown."""
    lines = [
        "# Gallery",
        "",
        "Made by `ci/pages.py` from the committed results. [All statements, published and ours](STATEMENTS.md).",
        "",
        "| | notebook | published statements |",
        "|---|---|---|",
    ]
    for study in studies():
        counts = ", ".join(f"{count} {verdict}" for verdict, count in Counter(row[-1] for row in study.rows).items())
        link = f"[{study.notebook[:2]} {study.title}](../notebooks/{study.notebook}.ipynb)"
        lines.append(f'| <img src="{study.picture}" width="320" alt="{study.title}"> | {link} | {counts} |')
    return "\n".join([*lines, ""])


def statements() -> str:
    """The page of all published statements, as Markdown."""
    found = studies()
    lines = [
        f"# All {sum(len(study.rows) for study in found)} statements, published and ours",
        "",
        "Made by `ci/pages.py` from the committed results. In brackets: the 95 % interval over seeds.",
        "The report gives the reasons.",
    ]
    for study in found:
        lines += [
            "",
            f"## [{study.notebook[:2]} {study.title}](../notebooks/{study.notebook}.ipynb)",
            "",
            "| published statement | published | ours | verdict |",
            "|---|---|---|---|",
            *(f"| {' | '.join(row)} |" for row in study.rows),
        ]
    return "\n".join([*lines, ""])


def main() -> int:
    GALLERY.write_text(gallery(), encoding="utf-8")
    STATEMENTS.write_text(statements(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
