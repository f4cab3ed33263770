"""The README's examples run as they stand, one after the other, and print what they say."""

import readme


def test_examples_run_and_print_what_they_say(capsys):
    names = {}
    examples = readme.examples()
    assert len(examples) == 4
    for source, printed in examples:
        exec(compile(source, readme.README.name, "exec"), names)
        assert capsys.readouterr().out.splitlines() == printed
