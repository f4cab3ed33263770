"""The README's examples run as they stand, one after the other, and print what they say."""

import re
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"


def test_examples_run_and_print_what_they_say(capsys):
    names = {}
    examples = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert len(examples) == 4
    for example in examples:
        exec(compile(example, README.name, "exec"), names)
        assert capsys.readouterr().out.splitlines() == re.findall(r"^# (.*)$", example, re.MULTILINE)
