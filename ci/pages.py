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

from fabric.experiments.statements import all_published, holm, together

GALLERY, STATEMENTS = ROOT / "paper" / "GALLERY.md", ROOT / "paper" / "STATEMENTS.md"

WORDS = """\
*Reproduced*: our runs support the statement; *better*: they exceed it; *not reproduced*: they contradict it;
*undecided*: the interval allows both. Where one network should be as accurate as another, the difference is
*within the margin* that follows from the printed word and the size of the test set; *within, with a real loss*,
if it is below zero all the same; or *worse* by more than the margin. *By design* follows from a construction
and is checked, not found. *Misprint*: a table agrees but for slips that are named. *Not comparable*: the source
leaves out what a comparison needs, or speaks of another machine; *not run here*: we could have judged it and
have not; *open*: it waits for a notebook of that number, which is still to come."""


@dataclass(frozen=True)
class Study:
    """A notebook with committed results: its title, its first figure, and a row for each of its statements."""

    notebook: str
    title: str
    picture: str
    rows: list[tuple[str, ...]]  # statement, source, published, ours, verdict


def studies() -> list[Study]:
    """All notebooks whose results are committed."""
    found = []
    corrected = matter().set_index("claim")["verdict"]
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        if not of_paper().finished(path.stem):
            continue
        cells = nbformat.read(path, as_version=4).cells
        table = pd.read_csv(of_paper().tables_of(path.stem) / "verdicts.csv").set_index("claim")
        rows = [
            (_stated(entry), entry["source"].split(";")[0], *_cells(entry, table, claim, corrected))
            for claim, entry in all_published().items()
            if entry["notebook"] == path.stem
        ]
        picture = (of_paper().figures_of(path.stem) / f"{_first_figure(cells)}.svg").relative_to(GALLERY.parent)
        title = cells[0].source.splitlines()[0].removeprefix("# ")
        found.append(Study(path.stem, title, picture.as_posix(), rows))
    return found


def _stated(entry: dict) -> str:
    if "repeats" not in entry:
        return entry["statement"]
    first = all_published()[entry["repeats"]]
    return f"{entry['statement']} *Again, by another measure; first in {first['notebook'][:2]}.*"


def matter() -> pd.DataFrame:
    """The statements that matter, tested together: "holm" is the corrected p-value, "verdict" what it leaves of the
    verdict "alone"."""
    rows = []
    for claim, entry in all_published().items():
        if entry.get("matters"):
            table = pd.read_csv(of_paper().tables_of(entry["notebook"]) / "verdicts.csv").set_index("claim")
            told = {name: entry[name] for name in ("statement", "notebook", "unit")}
            rows.append({"claim": claim, **told, **table.loc[claim].rename({"verdict": "alone"})})
    columns = ["claim", "statement", "notebook", "unit", "alone", "ours", "low", "high", "p"]
    found = pd.DataFrame(rows, columns=None if rows else columns)
    corrected = holm(found["p"])
    return found.assign(holm=corrected, verdict=list(map(together, found["alone"], corrected)))


def counts() -> Counter:
    """Statements by outcome, each statement once: what repeats one by another measure does not count, and those that
    matter count by their verdict together."""
    verdicts = {
        row.claim: row.verdict
        for study in of_paper().notebooks()
        for row in pd.read_csv(of_paper().tables_of(study) / "verdicts.csv").itertuples()
    }
    verdicts |= matter().set_index("claim")["verdict"]
    entries = {claim: entry for claim, entry in all_published().items() if "repeats" not in entry}
    return Counter(entry.get("outcome", verdicts.get(claim)) for claim, entry in entries.items())


def _first_figure(cells: list[nbformat.NotebookNode]) -> str:
    return next(found[1] for cell in cells if (found := re.search(r'results\.figure\(\s*"(\w+)"', cell.source)))


def _cells(entry: dict, table: pd.DataFrame, claim: str, corrected: pd.Series) -> tuple[str, str, str]:
    if "outcome" in entry:
        return "–", "–", entry["outcome"] + (f", notebook {entry['awaits']}" if "awaits" in entry else "")
    row = table.loc[claim]
    printed = "–" if math.isnan(row["published"]) else f"{row['published']:.6g}"
    ours = f"{row['ours']:.6g}" if row["low"] == row["high"] else f"{row['ours']:.4g}"
    if row["low"] < row["high"]:
        ours += f" ({row['low']:.3g} … {row['high']:.3g})"
    alone, verdict = row["verdict"], corrected.get(claim, row["verdict"])
    return printed, f"{ours} {entry['unit']}", verdict if verdict == alone else f"{verdict}, {alone} alone"


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
        outcomes = Counter(re.split(", notebook|, [a-z ]+ alone", row[-1])[0] for row in study.rows)
        counted = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
        link = f"[{study.notebook[:2]} {study.title}](../notebooks/{study.notebook}.ipynb)"
        lines.append(f'| <img src="{study.picture}" width="320" alt="{study.title}"> | {link} | {counted} |')
    return "\n".join([*lines, ""])


def statements() -> str:
    """The page of all published statements, as Markdown."""
    found = studies()
    lines = [
        f"# All {counts().total()} statements, published and ours",
        "",
        "Made by `ci/pages.py` from the committed results. In brackets: the 95 % interval over seeds.",
        "The report (`make paper`) gives the reasons.",
        "",
        WORDS,
        "",
        "Each statement counted once, without those that are judged again by another measure: "
        + ", ".join(f"{count} {outcome}" for outcome, count in counts().most_common())
        + ".",
        "",
        "## Ten that matter",
        "",
        "They are tested together: p, that of the outcome, is corrected (Holm), and a verdict whose corrected p is not",
        "below 0.05 is undecided, whatever it is alone. All other verdicts are exploratory.",
        "",
        "| published statement | verdict | alone | ours | p | p, corrected |",
        "|---|---|---|---|---|---|",
        *(
            f"| {row.statement} ({row.notebook[:2]}) | {row.verdict} | {row.alone} | {row.ours:.3g} "
            f"({row.low:.3g} … {row.high:.3g}) {row.unit} | {row.p:.2g} | {row.holm:.2g} |"
            for row in matter().itertuples()
        ),
    ]
    for study in found:
        lines += [
            "",
            f"## [{study.notebook[:2]} {study.title}](../notebooks/{study.notebook}.ipynb)",
            "",
            "| published statement | published | ours | verdict |",
            "|---|---|---|---|",
            *(f"| {stated} ({source}) | {' | '.join(cells)} |" for stated, source, *cells in study.rows),
        ]
    return "\n".join([*lines, ""])


def main() -> int:
    GALLERY.write_text(gallery(), encoding="utf-8")
    STATEMENTS.write_text(statements(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
