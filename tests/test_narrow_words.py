"""What words of nine bits save stands beside a statement on floats and does not judge it."""

import pandas as pd

from fabric.experiments.studies.fpga_synthesis import narrow_words


def test_both_savings_are_told_and_neither_is_a_verdict_on_floats():
    table = pd.DataFrame(
        {"variant": ["table II", "16-bit words"], "logic_elements": [100, 119], "multipliers": [10, 20]}
    )
    found = narrow_words(table)
    assert (found.verdict, found.ours) == ("not comparable", 1.19)
    assert "1.19 times the logic elements and 2 times the 9-bit multipliers" in found.reason
