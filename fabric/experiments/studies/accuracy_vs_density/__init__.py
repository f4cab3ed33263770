"""What pre-defined sparsity costs in accuracy, and what it saves (notebook 21_accuracy_vs_density)."""

from fabric.experiments.studies.accuracy_vs_density._accuracies import (
    above_printed,
    at_epoch,
    beside_print,
    by_epoch,
    by_pattern,
    configurations,
    density,
    large_and_small_layouts,
    large_and_sparse,
    layouts,
    percent,
    printed_accuracies,
    train_layouts,
)
from fabric.experiments.studies.accuracy_vs_density._behind_trunks import (
    dense_and_sparse,
    narrow_at_the_end,
    train_convolutional,
)
from fabric.experiments.studies.accuracy_vs_density._small_batches import (
    SmallBatchConfig,
    classify_in_small_batches,
    small_batches_beside,
    train_in_small_batches,
)
from fabric.experiments.studies.accuracy_vs_density._storage import at_equal_accuracy, storage, train_compressed
from fabric.experiments.studies.accuracy_vs_density._tuned import (
    difference_in_words,
    rates_in_words,
    train_tuned,
    tuned_beside,
)

__all__ = [
    "SmallBatchConfig",
    "above_printed",
    "at_epoch",
    "at_equal_accuracy",
    "beside_print",
    "by_epoch",
    "by_pattern",
    "classify_in_small_batches",
    "configurations",
    "dense_and_sparse",
    "density",
    "difference_in_words",
    "large_and_small_layouts",
    "large_and_sparse",
    "layouts",
    "narrow_at_the_end",
    "percent",
    "printed_accuracies",
    "rates_in_words",
    "small_batches_beside",
    "storage",
    "train_compressed",
    "train_convolutional",
    "train_in_small_batches",
    "train_layouts",
    "train_tuned",
    "tuned_beside",
]
