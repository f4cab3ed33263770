"""Build the site: executed notebooks, tutorials, the reference of the library, statements and verdicts.

`make site` calls it after `make figures`. All files lie in BUILD/site; no page loads anything from elsewhere.
"""

import argparse
import json
import shutil
import sys
from html import escape
from pathlib import Path

from pages import Study, counts, studies
from places import ROOT, of_paper
from reference import described, homes, public_modules
from sphinx.cmd.build import build_main

from fabric.experiments.studies import junction_pipeline, torus_mapping
from fabric.experiments.studies.junction_motion import traced_schedule
from fabric.plots import explorer, movement_frames, pipeline_frames, player

PAGES = ("CONTRIBUTING.md", "rtl/README.md", "rtl/JUNCTION.md", "rtl/AXI.md", "rtl/timing.svg")
# What the site shows on pages of its own.
OWN = {"paper/STATEMENTS.md": "statements.md", "paper/GALLERY.md": "gallery.md", "notebooks": "notebooks.md"}


def lay_out(folder: Path, executed: Path) -> None:
    """Lay out Sphinx's sources as the project has them, so that the links between pages hold.

    Args:
        folder: made anew.
        executed: the notebooks as papermill has left them.

    Raises:
        ValueError: a notebook has not been executed.
    """
    names = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
    missing = [name for name in names if not (executed / name).exists()]
    if missing:
        raise ValueError(f"notebooks must be executed before the site is built, missing in {executed}: {missing}")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "docs", folder)
    for page in folder.rglob("*.md"):
        depth = len(page.relative_to(folder).parents) - 1
        page.write_text(as_on_the_site(page.read_text(encoding="utf-8"), depth), encoding="utf-8")
    for name in PAGES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    for figure in (ROOT / "paper").glob("*/figures/*.svg"):
        target = folder / figure.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(figure, target)
    (folder / "notebooks").mkdir()
    for name in names:
        shutil.copy(executed / name, folder / "notebooks" / name)
    (folder / "notebooks.md").write_text(notebooks(names), encoding="utf-8")
    (folder / "gallery.md").write_text(gallery(studies()), encoding="utf-8")
    (folder / "statements.md").write_text(statements(studies()), encoding="utf-8")
    with (folder / "performance.md").open("a", encoding="utf-8") as page:
        page.write(measured_on(json.loads((of_paper().tables_of("24_speed") / "provenance.json").read_text("utf-8"))))
    moving = folder / "motion.md"
    for comment, shown in players().items():
        moving.write_text(moving.read_text(encoding="utf-8").replace(comment, shown), encoding="utf-8")
    (folder / "_static" / "explorer.html").write_text(explorer.page(), encoding="utf-8")
    (folder / "reference").mkdir()
    modules = public_modules()
    home = homes(modules)
    for name in modules:
        (folder / "reference" / f"{name}.md").write_text(described(name, home), encoding="utf-8")
    (folder / "reference.md").write_text(contents("Reference", [f"reference/{name}" for name in modules]), "utf-8")


def as_on_the_site(page: str, depth: int) -> str:
    """A page of docs/ with its links as the site needs them, where it lies one folder higher beside its own pages.

    Args:
        page: MyST.
        depth: folders between docs/ and the page.
    """
    for target, made in OWN.items():
        page = page.replace(f"]({'../' * (depth + 1)}{target})", f"]({'../' * depth}{made})")
    return page.replace(f"]({'../' * (depth + 1)}", f"]({'../' * depth}")


def contents(title: str, documents: list[str]) -> str:
    """A page that leads to others, as MyST."""
    return "\n".join([f"# {title}", "", "```{toctree}", ":maxdepth: 1", "", *documents, "```", ""])


def notebooks(names: list[str]) -> str:
    """The page that lists the notebooks."""
    return contents("Notebooks", [f"notebooks/{Path(name).stem}" for name in names])


def gallery(found: list[Study]) -> str:
    """The page with a picture of every study."""
    cards = [
        f'<a class="card-study" href="notebooks/{study.notebook}.html"><img loading="lazy" alt="{escape(study.title)}" '
        f'src="pictures/{study.picture}"><span>{study.notebook[:2]} {escape(study.title)}</span></a>'
        for study in found
    ]
    return "\n".join(["# Gallery", "", '<div class="studies">', *cards, "</div>", ""])


def statements(found: list[Study]) -> str:
    """The page of all statements: a table that sorts and filters."""
    rows = []
    for study in found:
        for row in study.rows:
            cells = [escape(cell).replace("*", "") for cell in row]
            link = f'<a href="notebooks/{study.notebook}.html">{study.notebook[:2]}</a>'
            rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in [*cells, link]) + "</tr>")
    heads = ("statement", "source", "published", "ours", "verdict", "notebook")
    return "\n".join(
        [
            "---",
            "html_theme.sidebar_secondary.remove: true",
            "---",
            "",
            "# Statements",
            "",
            f"{counts().total()} statements of the papers, each counted once. In brackets: the 95 % interval.",
            "Click a heading to sort.",
            "",
            '<div class="filters"><input id="words" type="search" placeholder="words in a row">'
            '<select id="verdict"><option value="">all verdicts</option></select> <span id="shown"></span></div>',
            '<table id="verdicts"><thead><tr>' + "".join(f"<th>{head}</th>" for head in heads) + "</tr></thead>",
            "<tbody>",
            *rows,
            "</tbody></table>",
            '<script src="_static/statements.js"></script>',
            "",
        ]
    )


def measured_on(provenance: dict) -> str:
    """The table that says which machine and which versions the committed times come from."""
    shown = {"machine": provenance["machine"], "processor": provenance["processor"], "Python": provenance["python"]}
    shown["PyTorch"] = provenance["packages"]["torch"]
    rows = "".join(f"| {name} | {value} |\n" for name, value in shown.items())
    return f"\n| measured on | |\n|---|---|\n{rows}"


def players() -> dict[str, str]:
    """What takes the place of the comments in docs/motion.md: a sample in the torus, samples in the pipeline."""
    moved = torus_mapping.movement(torus_mapping.trace_sample((4, 4, 2, 2, 2), seed=0))
    schedule = traced_schedule(junction_pipeline.drawn((16, 8, 8, 8, 4), (2, 2, 2, 2), (8, 4, 4, 4)), 12, seed=0)
    return {
        "<!-- torus -->": player(movement_frames(moved)),
        "<!-- junctions -->": player(pipeline_frames(schedule, 12, "four junctions")),
    }


def build(sources: Path, site: Path) -> int:
    """Call Sphinx; every warning is an error. Return its exit code."""
    kept = str(sources / ".doctrees")
    return build_main(["-q", "-W", "--keep-going", "-b", "html", "-d", kept, str(sources), str(site)])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--profile", default="quick")
    arguments = parser.parse_args()
    sources, site = arguments.build / "site_sources", arguments.build / "site"
    try:
        lay_out(sources, arguments.build / arguments.profile / "notebooks")
    except ValueError as error:
        sys.exit(f"{error}: run make figures first")
    shutil.rmtree(site, ignore_errors=True)
    code = build(sources, site)
    if code == 0:
        shutil.copytree(sources / "paper", site / "pictures", ignore=shutil.ignore_patterns("*.md"))
        print(site / "index.html")
    return code


if __name__ == "__main__":
    sys.exit(main())
