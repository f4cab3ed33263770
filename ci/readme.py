"""The README's examples: Python as it stands there, with what it prints."""

import re
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"


def examples() -> list[tuple[str, list[str]]]:
    """The source of each example, and the lines that it prints: those that stand behind a # at the start of a line."""
    found = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    return [(source, re.findall(r"^# (.*)$", source, re.MULTILINE)) for source in found]
