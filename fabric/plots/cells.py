"""A printed table beside the computed one, cell by cell."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle

FINDINGS = {"agrees": "#D9EAD9", "close": "#FFF2C2", "misprint": "#F6C9B4", "mislabelled": "#D5DDF2"}


def draw_cells(ax: Axes, table: pd.DataFrame, title: str) -> None:
    """One cell per printed number, coloured by what was found; printed above, computed below where they differ.

    Args:
        ax: axes to draw on.
        table: columns "row", "label", "column", "printed", "computed", "agrees", "finding".
        title: of the axes.
    """
    columns = max((list(cells["column"]) for _, cells in table.groupby("row")), key=len)
    labels = table.drop_duplicates("row").set_index("row")["label"]
    places = {row: place for place, row in enumerate(labels.index)}
    for cell in table.itertuples():
        x, y = columns.index(cell.column), places[cell.row]
        ax.add_patch(Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, facecolor=FINDINGS[cell.finding]))
        computed = "no such junction" if pd.isna(cell.computed) else f"{cell.computed:.4g}"
        ax.text(
            x, y, cell.printed if cell.agrees else f"{cell.printed}\n{computed}", ha="center", va="center", fontsize=7.5
        )
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
    """A column's name in words; the suffixes _m and _b say millions and billions."""
    name, _, unit = column.rpartition("_")
    words = f"{name} ({unit.upper()})" if unit in ("m", "b") else column
    return words.replace("_", " ")
