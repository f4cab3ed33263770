"""Classification layers behind the poster's convolutional trunks: dense, sparse and narrow."""

from collections.abc import Sequence

import pandas as pd

from fabric.experiments.networks import CIFAR_TRUNK, MNIST_TRUNK
from fabric.experiments.runs import Results
from fabric.experiments.studies.accuracy_vs_density._accuracies import layouts, percent, train_layouts

# The poster's trunk for images of 28×28 and of 32×32×3.
_TRUNKS = {"digits": MNIST_TRUNK, "mnist": MNIST_TRUNK, "cifar10": CIFAR_TRUNK, "cifar100": CIFAR_TRUNK}


def train_convolutional(
    results: Results, studies: Sequence[tuple[str, str, Sequence[Sequence[int]], int, int]]
) -> pd.DataFrame:
    """Train networks with the poster's convolutional trunks, without L2 penalty.

    Args:
        results: where runs are kept.
        studies: per study data set, classification layers, fan-outs, epochs and seeds.
    """
    return pd.concat(
        [
            train_layouts(results, layouts(layers, outs), dataset, epochs, seeds, _TRUNKS[dataset], l2=False)
            for dataset, layers, outs, epochs, seeds in studies
        ],
        ignore_index=True,
    )


def dense_and_sparse(
    records: pd.DataFrame, dataset: str, layers: str, fan_outs: Sequence[Sequence[int]]
) -> tuple[pd.Series, pd.Series]:
    """Accuracies (%) by seed of a study's first two networks: the dense one and the one that is said to equal it."""
    of_dataset = records[records["dataset"] == dataset]
    dense, sparse = (percent(of_dataset, layers, ", ".join(map(str, outs))) for outs in fan_outs[:2])
    return dense, sparse


def narrow_at_the_end(
    narrow: pd.DataFrame, layers: str, records: pd.DataFrame, of_dense: str, fan_outs: Sequence[int]
) -> list[float]:
    """Accuracies (%) of a narrow dense network behind a trunk, at the end of the wide dense network's training.

    Where the narrow network had fewer epochs, it is taken to lose at the end what it lost after as many.

    Args:
        narrow: records of `train_convolutional`, each network trained for one number of epochs.
        layers: of the narrow network.
        records: those of the wide network.
        of_dense, fan_outs: its layers and their fan-outs.
    """
    ended = narrow[narrow["layers"] == layers]
    dense, epochs = ", ".join(map(str, fan_outs)), int(ended["epochs"].iloc[0])
    lost = percent(records, of_dense, dense, epochs).mean() - 100 * ended["accuracy"]
    return [float(each) for each in percent(records, of_dense, dense).mean() - lost]
