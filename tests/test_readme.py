"""README and the pages it leads to tell the truth: examples print what they say, numbers and links are right."""

import re
import tomllib

import pandas as pd
import pytest
import yaml
from readme import PAGES, ROOT, examples

import fabric

README = PAGES[0].read_text(encoding="utf-8")
MARKDOWN = sorted(path for folder in (".", "rtl", "paper") for path in (ROOT / folder).glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_run_and_print_what_they_say(page, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # they may write files
    names, found = {}, examples(page)
    assert found
    for source, printed in found:
        exec(compile(source, page.name, "exec"), names)
        assert capsys.readouterr().out.splitlines() == printed


def printed_row(name: str) -> list[str]:
    """The cells of the row of README whose first one this is."""
    (row,) = re.findall(rf"^\| {name} \| (.*) \|$", README, re.MULTILINE)
    return row.split(" | ")


@pytest.mark.parametrize(("network", "neurons"), [("dense", 256), ("Clos", 1024)])
def test_cycles_are_those_of_the_committed_table(network, neurons):
    table = pd.read_csv(ROOT / "paper/14_cycles_per_sample/tables/table_one.csv").set_index(["network", "pass"])
    assert (table.loc[network, "inputs"] == neurons).all()
    passes = ("forward", "backward and update", "training, sequential", "training, overlapped")
    cells = []
    for row in (table.loc[(network, which)] for which in passes):
        cells.append(f"{row.steady:,.0f}" + ("" if pd.isna(row.published) else f" ({row.published:,.0f})"))
    assert printed_row(f"{network} {neurons} → {neurons}") == cells


def test_cycles_of_the_smaller_cascade_are_those_of_the_committed_table():
    table = pd.read_csv(ROOT / "paper/14_cycles_per_sample/tables/layers.csv").query("pipeline == 0")
    runs = table[table["layer"] == "(256, 256, 16, 16, 16)"].set_index("mode")
    sequential = runs.loc["sequential"]
    cells = [runs.loc["inference", "interval"], sequential["backward"] / sequential["samples"], sequential["interval"]]
    assert printed_row("Clos 256 → 256") == [f"{value:.0f}" for value in [*cells, runs.loc["overlapped", "interval"]]]


def test_the_loss_named_under_the_first_picture_is_the_committed_one():
    table = pd.read_csv(ROOT / "paper/01_accuracy_vs_parameters/tables/verdicts.csv").set_index("claim")
    row = table.loc["closnets-no-sacrifice"]
    assert f"loses {-row.ours:.2f} points ({-row.high:.2f} … {-row.low:.2f}) against dense" in " ".join(README.split())


def test_the_gain_over_the_strongest_dense_product_is_the_committed_one():
    table = pd.read_csv(ROOT / "paper/24_speed/tables/speeds.csv").query("way == 'Clos' and dtype == 'float32'")
    row = table.query("layer == '768 → 3072 (32, 24, 48)' and batch == 1 and passes == 'forward'").iloc[0]
    assert f"{row.than_strongest:.0f} instead of {row.faster:.0f} in the last row" in " ".join(README.split())


@pytest.mark.parametrize("size", [2, 4, 8])
def test_area_is_that_of_the_committed_table(size):
    table = pd.read_csv(ROOT / "paper/15_fpga_synthesis/tables/table_2.csv").set_index(["size", "quantity"])
    quantities = ("logic_elements", "registers", "memory_bits", "multipliers")
    rows = [table.loc[(size, quantity)] for quantity in quantities]
    assert printed_row(f"{size} × {size}") == [f"{row.ours:,.0f} ({row.published:,.0f})" for row in rows]


@pytest.mark.parametrize(
    "cascade",
    [
        (1024, 1024, 32, 32, 32),
        (1024, 256, 32, 16, 32),
        (1024, 256, 32, 8, 32),
        (1024, 256, 16, 5, 16),
        (768, 3072, 32, 24, 48),
    ],
)
def test_speed_is_that_of_the_committed_table(cascade):
    table = pd.read_csv(ROOT / "paper/24_speed/tables/speeds.csv").query("way == 'Clos' and dtype == 'float32'")
    inputs, outputs, *routers = cascade
    rows = table[table["layer"] == f"{inputs} → {outputs} ({', '.join(map(str, routers))})"]
    faster = rows.set_index(["passes", "batch"])["faster"]
    cells = [f"{faster['forward', batch]:.2g} / {faster['both', batch]:.2g}" for batch in (1, 32, 256)]
    assert printed_row(re.escape(str(cascade))) == [f"{rows['fewer'].iloc[0]:.1f}×", *cells]


def test_speed_of_recurrent_layers_is_that_of_the_committed_table():
    table = pd.read_csv(ROOT / "paper/28_recurrent/tables/times.csv").query("layer == 'dense' and hidden == 512")
    one, some, many = (f"{row.faster:.1f}" for row in table.sort_values("batch_size").itertuples())
    assert f"trains {one}, {some} and {many} times faster than `torch.nn.GRU`" in " ".join(README.split())


def test_the_citation_is_that_of_this_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert cited["authors"] == project["authors"] and cited["license"] == project["license"]
    assert str(cited["version"]) == project["version"] == fabric.__version__
    (entry,) = re.findall(r"```bibtex\n@software\{fabric,\n(.*?)\}\n```", README, re.DOTALL)
    printed = dict(re.findall(r"^  (\w+) = \{+(.*?)\}+,$", entry, re.MULTILINE))
    assert printed == {
        "title": cited["title"], "author": cited["authors"][0]["name"],
        "version": project["version"], "license": project["license"],
    }  # fmt: skip
    published = (ROOT / "paper" / "references.bib").read_text(encoding="utf-8")
    assert all(paper["doi"] in published for paper in cited["references"] if "doi" in paper)


def anchors(text: str) -> set[str]:
    """What links within a page can name: its headings in small letters, hyphens for spaces."""
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_to_what_is_there(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r'\]\(([^)]+)\)|src="([^"]+)"', text):
        path, _, heading = "".join(target).partition("#")
        if "://" in path:
            continue
        there = page.parent / path if path else page
        assert there.exists(), target
        assert not heading or heading in anchors(there.read_text(encoding="utf-8")), target
