"""Which samples each client holds."""

import torch
from torch import Tensor

from fabric._checks import one_of, positive_int

PARTITIONS = ("iid", "shards")
SHARDS = 2  # of a client


def partition(labels: Tensor, clients: int, kind: str, multiple: int, generator: torch.Generator) -> Tensor:
    """Samples dealt out to clients, equally many to each (McMahan and others 2017, section 3).

    Args:
        labels: int64 (samples,).
        clients: how many.
        kind: "iid", at random; or "shards": samples sorted by label are cut into two shards for each client, which gets
            two random ones, so that most clients see two labels only.
        multiple: a client's samples are a multiple of it and of two; what is left over is left out.
        generator: draws the order.

    Returns:
        Indices int64 (clients, samples of each).

    Raises:
        ValueError: an unknown kind, or too few samples.
    """
    one_of("kind", kind, PARTITIONS)
    step = positive_int("multiple", multiple) * (1 if multiple % SHARDS == 0 else SHARDS)
    share = len(labels) // positive_int("clients", clients) // step * step
    if share == 0:
        raise ValueError(f"clients must leave each at least {step} of the {len(labels)} samples, got {clients}")
    order = torch.randperm(len(labels), generator=generator)[: clients * share]
    if kind == "iid":
        return order.view(clients, share)
    order = order[labels[order].argsort(stable=True)]
    shards = order.view(clients * SHARDS, share // SHARDS)
    return shards[torch.randperm(len(shards), generator=generator)].view(clients, share)
