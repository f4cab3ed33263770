"""What the counts say about moving weights from memory into tables."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from fabric.experiments.statements import Verdict, beside
from fabric.experiments.studies.inverse_plasticity._reconfigure import table_elements
from fabric.experiments.studies.inverse_plasticity._tables import BLOCK_BITS


def verdict(even: pd.DataFrame, forms: pd.DataFrame, fpga: Mapping[str, Any]) -> Verdict:
    """Bits that a logic element replaces, and whether area is saved at the most bits.

    Args:
        even: of `break_even`.
        forms: of `run_elements`.
        fpga: "logic_elements" and "memory_blocks".
    """
    bits = int(even["bits"].max())
    widest = even[even["bits"] == bits]
    word, inputs = table_elements(forms), int(forms["inputs"].iloc[0])
    device = fpga["memory_blocks"] * BLOCK_BITS / fpga["logic_elements"]
    pays = bool((widest["break_even"] >= inputs).any()) or bits / word >= device
    best = forms.groupby("form")["results_per_cycle"].max()
    reached = "it pays, against what was expected" if pays else "it does not pay, as was expected"
    return beside(
        "neurofabric-inverse-plasticity",
        [bits / word],
        f"A direction of research that names no measure. It works bit for bit: a word of {bits} bits takes {word:.2f} "
        f"logic elements as a table, {widest['elements'].min():.1f} to {widest['elements'].max():.1f} as products. The "
        f"device has {device:.0f} bits of memory for each logic element. Frozen products are smaller than memory and a "
        f"multiplier up to {widest['break_even'].min():.0f} to {widest['break_even'].max():.0f} weights for each "
        f"multiplier, where a phase has {inputs}. In area {reached}. A device full of products gives "
        f"{best['products'] / best['memory']:.1f} times the results a cycle of one full of memories and multipliers; "
        "cycles are of unlike length. Cyclone IV can only be configured as a whole.",
    )
