"""What words of nine bits save is judged by logic elements and multipliers together."""

import pandas as pd
import pytest

from fabric.experiments.studies.fpga_synthesis import SIGNIFICANT, narrow_words


@pytest.mark.parametrize(
    ("logic", "multipliers", "verdict"),
    [
        (1.5, 2.0, "reproduced"),
        (1.19, 2.0, "undecided"),
        (1.5, 1.0, "undecided"),
        (1.19, 1.0, "not reproduced"),
    ],
)
def test_significant_is_asked_of_logic_and_of_multipliers(logic, multipliers, verdict):
    table = pd.DataFrame({"variant": ["table II", "16-bit words"], "logic_elements": [100, 100 * logic],
                          "multipliers": [10, 10 * multipliers]})  # fmt: skip
    found = narrow_words(table)
    assert (found.verdict, found.low, found.high) == (verdict, min(logic, multipliers), max(logic, multipliers))
    assert f"{SIGNIFICANT:.2f} times" in found.reason and "16-bit fixed point" in found.reason
