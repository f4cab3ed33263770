"""Learning rates are chosen by what they reach on held-out samples."""

import pandas as pd

from fabric.experiments.networks import Layer, label, one_hidden_layer
from fabric.experiments.studies import comparison

RATES = [0.01, 0.02, 0.03]
REACHED = {16: {0.01: 0.6, 0.02: 0.9, 0.03: 0.3}, 8: {0.01: 0.8, 0.02: 0.5, 0.03: 0.7}}  # by hidden neurons and rate


class Told:
    """Takes the place of `Results`: runs reach what is told, a little more or less from seed to seed."""

    def sweep(self, run, configs, title):
        rows = [
            {
                "label": label(config.network),
                "learning_rate": config.learning_rate,
                "accuracy": REACHED[config.network[0].arguments[1]][config.learning_rate] + 0.2 * (-1) ** config.seed,
            }
            for config in configs
        ]
        return pd.DataFrame(rows)


def test_each_network_gets_the_rate_of_the_best_mean():
    networks = [one_hidden_layer(Layer("dense", (784, hidden))) for hidden in REACHED]
    table = pd.DataFrame({"label": map(label, networks), "network": networks})
    tuned, trials = comparison.choose_learning_rates(Told(), table, RATES, "digits", 1, 10, 2, 100)
    assert tuned["learning_rate"].tolist() == [0.02, 0.01]
    chosen = trials[trials["chosen"]].set_index("label")
    assert chosen.loc[tuned["label"], "learning_rate"].tolist() == [0.02, 0.01]
    assert chosen.loc[tuned["label"], "held_out_accuracy"].round(9).tolist() == [0.9, 0.8]
    assert len(trials) == 6
