"""Federated averaging with networks that are small before training (notebook 34_federated)."""

from fabric.experiments.studies.federated._average import FederatedConfig, federate
from fabric.experiments.studies.federated._clients import PARTITIONS, partition
from fabric.experiments.studies.federated._energy import client_costs
from fabric.experiments.studies.federated._stack import Stack
from fabric.experiments.studies.federated._tables import (
    arms,
    at_equal_bytes,
    choose_rates,
    curves,
    diverges,
    equal_uploads,
    in_rounds,
    mean_curves,
    rounds_to,
    run,
    targets_table,
)

__all__ = [
    "PARTITIONS",
    "FederatedConfig",
    "Stack",
    "arms",
    "at_equal_bytes",
    "choose_rates",
    "client_costs",
    "curves",
    "diverges",
    "equal_uploads",
    "federate",
    "in_rounds",
    "mean_curves",
    "partition",
    "rounds_to",
    "run",
    "targets_table",
]
