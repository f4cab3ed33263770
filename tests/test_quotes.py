"""What statements quote is what the sources say, word for word."""

import os
import re
from pathlib import Path

import pytest

from fabric.experiments.statements import all_published

ENTRIES = all_published()
SOURCES = (
    "ClosNets (FPL",
    "ClosNets abstract",
    "NeuroFabric poster",
    "NeuroFabric abstract",
    "Pre-defined sparsity poster",
)


def condensed(text: str) -> str:
    """Without white space and hyphens, which breaking into lines adds and takes away."""
    return re.sub(r"[\s\-\u2010\u2011\u00ad]", "", text)


def quotes(entry: dict) -> list[str]:
    quoted = entry.get("quote", [])
    return [quoted] if isinstance(quoted, str) else quoted


@pytest.fixture(scope="module")
def texts() -> str:
    folder = os.environ.get("FABRIC_SOURCES")
    if not folder or not Path(folder).is_dir():
        pytest.skip(f"NO QUOTE IS CHECKED: FABRIC_SOURCES must name the folder with the sources' texts, is {folder!r}")
    return condensed("\n".join(path.read_text(encoding="utf-8") for path in sorted(Path(folder).iterdir())))


@pytest.mark.parametrize("claim", ENTRIES)
def test_a_statement_of_a_text_that_could_be_read_quotes_it(claim):
    read = ENTRIES[claim]["source"].startswith(SOURCES)
    assert bool(quotes(ENTRIES[claim])) == read
    assert all(len(quote) >= 15 for quote in quotes(ENTRIES[claim]))


def test_quotes_are_in_the_texts(texts):
    missing = {
        claim: quote for claim, entry in ENTRIES.items() for quote in quotes(entry) if condensed(quote) not in texts
    }
    assert missing == {}


def test_a_quote_with_another_word_is_found_out(texts):
    quote = ENTRIES["closnets-no-sacrifice"]["quote"][0]
    assert condensed(quote) in texts
    assert condensed(quote.replace("without", "while")) not in texts
