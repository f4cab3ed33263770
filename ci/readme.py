"""The examples of README, the pages that it leads to and the tutorials: Python as it stands, with what it prints."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "rtl" / "JUNCTION.md", *sorted((ROOT / "docs" / "tutorials").glob("*.md"))]


def examples(page: Path) -> list[tuple[str, list[str]]]:
    """The source of each example of a page, and the lines that it prints: those after a # at the start of a line."""
    found = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    return [(source, re.findall(r"^# (.*)$", source, re.MULTILINE)) for source in found]
