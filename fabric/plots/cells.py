"""A printed table beside the computed one, cell by cell."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle

from fabric.plots.looks import FINDINGS

_UNITS = {"m": "M", "b": "B", "percent": "%"}


def draw_cells(ax: Axes, table: pd.DataFrame, title: str) -> None:
    """One cell per printed number, coloured by what was found; below it what was computed unless the cell agrees.

    A row whose label fits another network is computed for that, which its label then names.

    Args:
        ax: axes to draw on.
        table: columns "row", "label", "column", "printed", "computed", "finding" and, optionally, "fits" and
            "fits_computed".
        title: of the axes.
    """
    if "fits" in table:
        fitting = table["fits"] != ""
        table = table.assign(
            label=table["label"].mask(fitting, table["label"] + "\nfits " + table["fits"]),
            computed=table["fits_computed"].where(fitting, table["computed"]),
        )
    columns = max((list(cells["column"]) for _, cells in table.groupby("row")), key=len)
    labels = table.drop_duplicates("row").set_index("row")["label"]
    places = {row: place for place, row in enumerate(labels.index)}
    for cell in table.itertuples():
        x, y = columns.index(cell.column), places[cell.row]
        ax.add_patch(Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, facecolor=FINDINGS[cell.finding]))
        text = cell.printed if cell.finding == "agrees" else f"{cell.printed}\n{cell.computed:.5g}"
        ax.text(x, y, text, ha="center", va="center", fontsize=8)
    ax.set_xlim(-0.5, len(columns) - 0.5)
    ax.set_ylim(len(places) - 0.5, -0.5)
    ax.set_xticks(range(len(columns)), list(map(_title, columns)), rotation=30, ha="right")
    ax.set_yticks(range(len(places)), labels)
    ax.tick_params(length=0)
    ax.grid(False)
    ax.spines[:].set_visible(False)
    ax.set_title(title)
    shown = [finding for finding in FINDINGS if finding in set(table["finding"])]
    handles = [Patch(facecolor=FINDINGS[finding], label=finding) for finding in shown]
    ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(1, 1))


def _title(column: str) -> str:
    """A column's name in words, with its unit if that is its last word."""
    name, _, last = column.rpartition("_")
    words = f"{name} ({_UNITS[last]})" if last in _UNITS else column
    return words.replace("_", " ")
