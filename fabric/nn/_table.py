"""What was done to the layers of a model, as rows to print or to hand to pandas."""

from collections.abc import Mapping


class Table(list[dict[str, object]]):
    """Rows with the same keys; `print` aligns them, `pandas.DataFrame` takes them as they are."""

    def __str__(self) -> str:
        if not self:
            return "no layers"
        cells = [list(self[0]), *(list(map(_text, row.values())) for row in self), _totals(self)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        numeric = [all(isinstance(row[key], int | float) for row in self) for key in self[0]]
        lines = [
            "  ".join(
                cell.rjust(width) if right else cell.ljust(width)
                for cell, width, right in zip(line, widths, numeric, strict=True)
            ).rstrip()
            for line in cells
        ]
        return "\n".join(lines)


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}" if isinstance(value, float) else str(value)


def _totals(rows: list[dict[str, object]]) -> list[str]:
    """Counts added up; nothing below what has no sum."""
    first: Mapping[str, object] = rows[0]
    columns = {key: [row[key] for row in rows] for key in first}
    sums = [
        _text(sum(values)) if all(isinstance(value, int) for value in values) else ""  # type: ignore[arg-type]
        for values in columns.values()
    ]
    return ["in all", *sums[1:]]
