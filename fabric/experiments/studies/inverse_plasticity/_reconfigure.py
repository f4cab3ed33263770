"""What it takes to write frozen weights into a device that is running."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from fabric.experiments.studies.inverse_plasticity._tables import unfrozen_picojoules

_BITS = 9


def table_elements(forms: pd.DataFrame) -> float:
    """Logic elements a weight as a word in tables: what an element takes more than one with its weights in memory."""
    alone = forms.set_index("form")
    return float(
        (alone.loc["words", "logic_elements"] - alone.loc["memory", "logic_elements"]) / alone.loc["words", "inputs"]
    )


def reconfiguration(table: pd.DataFrame, ways: Sequence[Mapping[str, Any]], costs: Mapping[str, float]) -> pd.DataFrame:
    """After how many uses of a weight its move into logic has saved the energy that it took.

    To configure takes at least the energy of reading its bits from memory outside the chip, which is what is counted.
    One table of the device is taken to hold what a logic element of ours holds.

    Args:
        table: of `run_elements`; of its rows of products the widest counts.
        ways: "name", "tables" and "bits" of the least part that is written at once, "bits_per_second" (0: not cited),
            "routes", whether it writes carries and wires too: if not, only words can be frozen.
        costs: picojoules as for `break_even`, and of a "dram_access".

    Returns:
        "way", "form", "bits" and "elements" a weight, "least_bits" and "least_seconds" of the least part (nan: not
        cited), "saved_picojoules" of a use and "uses" that pay.
    """
    widest = table[table["form"] == "products"].sort_values("neurons").iloc[-1]
    per_weight = {"words": table_elements(table), "products": float(widest["elements"])}
    rows = []
    for way in ways:
        for form in ("words", "products") if way["routes"] else ("words",):
            bits = per_weight[form] * way["bits"] / way["tables"]
            spent = bits / 32 * costs["dram_access"]
            gone = unfrozen_picojoules(_BITS, costs) if form == "products" else _BITS / 32 * costs["sram_access"]
            saved = gone - per_weight[form] * costs["int_add"] / 32
            rows.append(
                {"way": way["name"], "form": form, "elements": per_weight[form], "bits": bits}
                | {"least_bits": way["bits"], "least_seconds": _seconds(way)}
                | {"saved_picojoules": saved, "uses": spent / saved}
            )
    return pd.DataFrame(rows)


def _seconds(way: Mapping[str, Any]) -> float:
    return way["bits"] / way["bits_per_second"] if way["bits_per_second"] else float("nan")
