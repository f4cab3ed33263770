"""README and the pages it leads to tell the truth: examples print what they say, numbers and links are right."""

import re

import pandas as pd
import pytest
from readme import PAGES, ROOT, examples

README = PAGES[0].read_text(encoding="utf-8")
MARKDOWN = sorted(path for folder in (".", "rtl", "paper") for path in (ROOT / folder).glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_run_and_print_what_they_say(page, capsys):
    names, found = {}, examples(page)
    assert found
    for source, printed in found:
        exec(compile(source, page.name, "exec"), names)
        assert capsys.readouterr().out.splitlines() == printed


def printed_row(name: str) -> list[str]:
    """The cells of the row of README whose first one this is."""
    (row,) = re.findall(rf"^\| {name} \| (.*) \|$", README, re.MULTILINE)
    return row.split(" | ")


@pytest.mark.parametrize("network", ["dense", "Clos"])
def test_cycles_are_those_of_the_committed_table(network):
    table = pd.read_csv(ROOT / "paper/14_cycles_per_sample/tables/table_one.csv").set_index(["network", "pass"])
    assert set(table["inputs"]) == {1024}
    passes = ("forward", "backward and update", "training, sequential", "training, overlapped")
    cells = []
    for row in (table.loc[(network, which)] for which in passes):
        cells.append(f"{row.steady:,.0f}" + ("" if pd.isna(row.published) else f" ({row.published:,.0f})"))
    assert printed_row(network) == cells


@pytest.mark.parametrize("size", [2, 4, 8])
def test_area_is_that_of_the_committed_table(size):
    table = pd.read_csv(ROOT / "paper/15_fpga_synthesis/tables/table_2.csv").set_index(["size", "quantity"])
    quantities = ("logic_elements", "registers", "memory_bits", "multipliers")
    rows = [table.loc[(size, quantity)] for quantity in quantities]
    assert printed_row(f"{size} × {size}") == [f"{row.ours:,.0f} ({row.published:,.0f})" for row in rows]


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
