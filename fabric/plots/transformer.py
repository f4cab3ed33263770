"""Small transformers and perceptrons: loss against what it costs, over iterations, after a conversion, over rates."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator, StrMethodFormatter

from fabric.plots.intervals import points
from fabric.plots.looks import GUIDE, INK, LOOKS, PUBLISHED

_LOSS = ("loss", "low", "high")
_COSTS = {"weights": "weights", "operations": "multiply-accumulates a character", "step_seconds": "seconds a step"}
_STAGES = {"dense": "dense", "trained on": "dense, trained on", "converted": "converted", "healed": "healed"}


def loss_against_costs(table: pd.DataFrame, published: float | None) -> Figure:
    """A panel each for weights, operations and seconds: loss with interval, a mark for each model, hollow for one seed.

    Args:
        table: of `fabric.experiments.studies.transformer.losses`.
        published: a loss to draw as a line.
    """
    figure, axes = plt.subplots(1, 3, figsize=(10.5, 3.9), sharey=True)
    for ax, (cost, name) in zip(axes, _COSTS.items(), strict=True):
        for row in table.to_dict("records"):
            one = pd.DataFrame([row])
            look = LOOKS[str(row["model"])]
            face = "white" if row["seeds"] == 1 else look.color
            points(ax, one[cost], one, _LOSS, linestyle="", markerfacecolor=face, **look.mark)
        if published is not None:
            ax.axhline(published, **PUBLISHED)
        ax.set_xlabel(name)
        _by_logs(ax)
    axes[0].set_ylabel("loss (nats a character)")
    handles = [Line2D([], [], linestyle="", **LOOKS[name].named) for name in table["model"]]
    if (table["seeds"] == 1).any():
        label = "open: one seed"
        handles.append(Line2D([], [], color=GUIDE, marker="o", markerfacecolor="white", linestyle="", label=label))
    if published is not None:
        handles.append(Line2D([], [], **PUBLISHED, label="published, dense"))
    figure.legend(handles=handles, loc="outside lower center", ncols=5)
    return figure


def _by_logs(ax: Axes) -> None:
    """A logarithmic axis of x with a few round ticks."""
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda tick, _: f"{tick / 1000:g}k" if tick >= 1000 else f"{tick:g}"))
    ax.xaxis.set_minor_locator(NullLocator())


def loss_over_iterations(table: pd.DataFrame) -> Figure:
    """Loss over iterations, a line for each model.

    Args:
        table: of `fabric.experiments.studies.transformer.curves`.
    """
    figure, ax = plt.subplots(figsize=(7, 4.2))
    for name, rows in table.groupby("model"):
        rows = rows.sort_values("iteration")
        ax.plot(rows["iteration"], rows["loss"], **LOOKS[str(name)].named)
    ax.set(xlabel="iteration", ylabel="loss on some blocks (nats a character)")
    ax.legend()
    return figure


def conversion_of_gpt(table: pd.DataFrame) -> Figure:
    """Losses before and after a conversion.

    Args:
        table: of `fabric.experiments.studies.transformer.converted`, means with intervals.
    """
    figure, ax = plt.subplots(figsize=(6, 2.6))
    rows = table.set_index("stage").loc[list(_STAGES)]
    colors = [LOOKS["chosen" if stage in ("converted", "healed") else "dense"].color for stage in rows.index]
    labels = [f"{_STAGES[str(stage)]}, {row['weights']:,.0f} weights" for stage, row in rows.iterrows()]
    ends = rows["high"].fillna(rows["loss"])
    ax.barh(
        labels, rows["loss"], xerr=rows["high"] - rows["loss"], color=colors, error_kw={"ecolor": INK, "capsize": 3}
    )
    for at, (loss, end) in enumerate(zip(rows["loss"], ends, strict=True)):
        ax.annotate(f"{loss:.3f}", (end, at), (3, 0), textcoords="offset points", va="center", color=INK)
    ax.invert_yaxis()
    ax.set(xlabel="loss (nats a character)", xlim=(0, 1.12 * ends.max()))
    ax.grid(axis="y", visible=False)
    return figure


def loss_over_rates(table: pd.DataFrame) -> Figure:
    """Training loss over the learning rate, a panel for each structure, thin lines for the base width.

    Args:
        table: of `fabric.experiments.studies.rates.by_rate`, means over seeds.
    """
    structures = list(dict.fromkeys(table["structure"]))
    widths = sorted(set(table["width"]))
    figure, axes = plt.subplots(1, len(structures), figsize=(9, 3.8), sharey=True, squeeze=False)
    for ax, structure in zip(axes[0], structures, strict=True):
        for (carried, width), rows in table[table["structure"] == structure].groupby(["carried", "width"]):
            rows = rows.sort_values("learning_rate")
            line = "-" if width == widths[-1] else ":"
            look = LOOKS["carried" if carried else "one rate"]
            ax.plot(rows["learning_rate"], rows["train_loss"], linestyle=line, **look.mark)
            best = rows.loc[[rows["train_loss"].idxmin()]]
            ax.plot(best["learning_rate"], best["train_loss"], "o", markersize=11, fillstyle="none", color=INK)
        ax.set(title=LOOKS[structure].label, xlabel="learning rate", xscale="log", yscale="log")
        for axis in (ax.yaxis.set_major_formatter, ax.yaxis.set_minor_formatter):
            axis(StrMethodFormatter("{x:g}"))
    axes[0, 0].set_ylabel("training loss (nats)")
    handles = [Line2D([], [], **LOOKS[name].named) for name in ("one rate", "carried")]
    handles += [
        Line2D([], [], color=INK, linestyle="-" if width == widths[-1] else ":", label=f"width {width}")
        for width in widths
    ]
    handles.append(Line2D([], [], color=INK, marker="o", markersize=11, fillstyle="none", linestyle="", label="best"))
    figure.legend(handles=handles, loc="outside lower center", ncols=5)
    return figure


def perceptrons_over_operations(table: pd.DataFrame) -> Figure:
    """Training loss and accuracy over operations, a line with intervals for each structure.

    Args:
        table: of `fabric.experiments.studies.perceptrons.summary`.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.9))
    for ax, (name, scale) in zip(axes, {"train_loss": 1, "accuracy": 100}.items(), strict=True):
        for structure, rows in table.groupby("structure"):
            rows = rows.sort_values("operations")
            look = LOOKS[str(structure)]
            points(ax, rows["operations"], rows, (name, f"{name}_low", f"{name}_high"), scale, **look.named)
        ax.set_xlabel("multiply-accumulates an image")
        _by_logs(ax)
    axes[0].set_ylabel("training loss (nats)")
    axes[1].set_ylabel("accuracy (%)")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5)
    return figure
