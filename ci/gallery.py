"""Write the README's gallery from the committed results: paper item, notebook, published, ours, verdict.

`make accept PROFILE=paper` calls it; a test holds the README against it.
"""

import math
import sys
import tomllib
from pathlib import Path

import nbformat
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
MARKS = ("<!-- gallery: made by ci/gallery.py -->", "<!-- end of gallery -->")
WORDS = {"supported": "reproduced", "better": "better", "refuted": "not reproduced", "undecided": "undecided"}


def gallery() -> str:
    """The gallery as a Markdown table, one row per published statement."""
    published = tomllib.loads((ROOT / "paper" / "published.toml").read_text(encoding="utf-8"))
    lines = ["| notebook | published statement | published | ours | verdict |", "|---|---|---|---|---|"]
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        title = nbformat.read(path, as_version=4).cells[0].source.splitlines()[0].removeprefix("# ")
        table = pd.read_csv(ROOT / "paper" / "results" / "tables" / path.stem / "verdicts.csv").set_index("claim")
        link = f"[{path.stem[:2]} {title}](notebooks/{path.name})"
        for claim, entry in published.items():
            if entry["notebook"] == path.stem:
                lines.append(f"| {link} | {entry['statement']} ({_place(entry)}) | {_cells(entry, table, claim)} |")
    return "\n".join(lines)


def _place(entry: dict) -> str:
    return entry["source"].split(";")[0]


def _cells(entry: dict, table: pd.DataFrame, claim: str) -> str:
    if "incomparable" in entry:
        return "– | – | cannot be compared"
    row = table.loc[claim]
    printed = "–" if math.isnan(row["published"]) else f"{row['published']:.6g}"
    ours = f"{row['ours']:.6g}" if row["low"] == row["high"] else f"{row['ours']:.4g}"
    if row["low"] < row["high"]:
        ours += f" ({row['low']:.3g} … {row['high']:.3g})"
    return f"{printed} | {ours} {entry['unit']} | {WORDS[row['verdict']]}"


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
