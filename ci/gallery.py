"""Write the README's gallery from the committed results: pictures, notebooks, published, ours, verdict.

`make accept PROFILE=paper` calls it; a test holds the README against it.
"""

import math
import re
import sys
import tomllib
from collections import Counter
from pathlib import Path

import nbformat
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
MARKS = ("<!-- gallery: made by ci/gallery.py -->", "<!-- end of gallery -->")
WORDS = {"supported": "reproduced", "better": "better", "refuted": "not reproduced", "undecided": "undecided"}


def gallery() -> str:
    """The gallery as Markdown: a picture and the verdicts of each notebook, then every published statement."""
    published = tomllib.loads((ROOT / "paper" / "published.toml").read_text(encoding="utf-8"))
    pictures = ["| | notebook | published statements |", "|---|---|---|"]
    statements = ["| notebook | published statement | published | ours | verdict |", "|---|---|---|---|---|"]
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        title = cells[0].source.splitlines()[0].removeprefix("# ")
        table = pd.read_csv(ROOT / "paper" / "results" / "tables" / path.stem / "verdicts.csv").set_index("claim")
        rows = [
            (f"{entry['statement']} ({_place(entry)})", *_cells(entry, table, claim))
            for claim, entry in published.items()
            if entry["notebook"] == path.stem
        ]
        statements += [f"| [{path.stem[:2]}](notebooks/{path.name}) | {' | '.join(row)} |" for row in rows]
        counts = ", ".join(f"{count} {verdict}" for verdict, count in Counter(row[-1] for row in rows).items())
        picture = f"paper/results/figures/{path.stem}/{_first_figure(cells)}.svg"
        link = f"[{path.stem[:2]} {title}](notebooks/{path.name})"
        pictures.append(f'| <img src="{picture}" width="320" alt="{title}"> | {link} | {counts} |')
    count = len(statements) - 2
    return "\n".join(
        [*pictures, "", f"<details><summary>All {count} statements, published and ours</summary>", "", *statements,
         "", "</details>"]
    )  # fmt: skip


def _first_figure(cells: list[nbformat.NotebookNode]) -> str:
    return next(found[1] for cell in cells if (found := re.search(r'results\.figure\("(\w+)"', cell.source)))


def _place(entry: dict) -> str:
    return entry["source"].split(";")[0]


def _cells(entry: dict, table: pd.DataFrame, claim: str) -> tuple[str, str, str]:
    if "incomparable" in entry:
        return "–", "–", "not comparable"
    row = table.loc[claim]
    printed = "–" if math.isnan(row["published"]) else f"{row['published']:.6g}"
    ours = f"{row['ours']:.6g}" if row["low"] == row["high"] else f"{row['ours']:.4g}"
    if row["low"] < row["high"]:
        ours += f" ({row['low']:.3g} … {row['high']:.3g})"
    return printed, f"{ours} {entry['unit']}", WORDS[row["verdict"]]


def with_gallery(readme: str) -> str:
    """The README's text with the gallery between its marks brought up to date.

    Raises:
        ValueError: the marks are not there.
    """
    before, found, rest = readme.partition(MARKS[0])
    _, closed, after = rest.partition(MARKS[1])
    if not (found and closed):
        raise ValueError(f"README.md must hold the marks {MARKS[0]!r} and {MARKS[1]!r}")
    return f"{before}{MARKS[0]}\n{gallery()}\n{MARKS[1]}{after}"


def main() -> int:
    path = ROOT / "README.md"
    path.write_text(with_gallery(path.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
