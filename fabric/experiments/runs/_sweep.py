"""Many runs at once: on this machine's cores, or on a Dask cluster, with the same code."""

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import pandas as pd
from joblib import Parallel, delayed
from tqdm.auto import tqdm

from fabric._checks import function, instance, sequence, shown
from fabric.experiments.runs._cluster import run_on_cluster
from fabric.experiments.runs._config import RunConfig, fields_of, run_key
from fabric.experiments.runs._store import DamagedRecord, Record, RunStore

Measured = dict[str, Any]


def sweep(run: Callable[[Any], Measured], configs: Sequence[Any], store: RunStore, title: str = "runs") -> pd.DataFrame:
    """Run what the store does not hold yet and return all records, one row per configuration, in their order.

    Runs in one process per core (joblib; LOKY_MAX_CPU_COUNT limits it), or on the Dask cluster whose scheduler
    DASK_SCHEDULER_ADDRESS names. Each record is stored as it arrives, so a kill loses at most the runs in flight.

    Args:
        run: `train` or another function from a configuration to what it measures.
        configs: instances of `RunConfig`; equal ones are run once.
        store: where finished runs are found and kept.
        title: of the progress bar.

    Raises:
        ValueError: an argument of another kind.
        DamagedRecord: stored records are damaged. They are neither used nor replaced; all other runs are finished and
            stored before this is raised, once for all of them.
        RuntimeError: the Dask cluster does not answer, has no workers, or its workers cannot import this package.
    """
    function("run", run)
    instance("store", store, RunStore)
    instance("title", title, str)
    keys = [run_key(config) for config in sequence("configs", configs, "configurations")]
    records: dict[str, Record | None] = {}
    missing: dict[str, RunConfig] = {}
    damaged = list(store.unreadable)
    for key, config in dict(zip(keys, configs, strict=True)).items():
        try:
            found = store.get(key)
        except DamagedRecord as error:
            damaged.append(str(error))
            continue
        if found is None:
            missing[key] = config
        else:
            records[key] = found
    with tqdm(total=len(records) + len(missing), initial=len(records), desc=title, unit="run") as progress:
        for record in _run_all(run, list(missing.values())):
            store.put(record)
            records[record["key"]] = store.get(record["key"])  # as read back: a stored run and a new one look the same
            progress.update()
    if damaged:
        raise DamagedRecord("\n".join([f"{len(damaged)} stored records are damaged and were not used:", *damaged]))
    return pd.DataFrame([records[key] for key in keys])


def record_of(run: Callable[[Any], Measured], config: RunConfig) -> Record:
    """The flat record of one run: every field of the configuration, its "key", and what the run measures.

    Raises:
        ValueError: an argument of another kind, or the run measures something that has the name of a field, or "key"
            or "digest".
    """
    key = run_key(config)
    given = {**fields_of(config), "key": key}
    measured = function("run", run)(config)
    if not isinstance(measured, dict):
        raise ValueError(f"run must return a dictionary of what it measures, got {shown(measured)}")
    if taken := measured.keys() & (given.keys() | {"digest"}):
        raise ValueError(f"what {run.__name__} measures must have names of its own, got {', '.join(sorted(taken))}")
    return given | measured


def _run_all(run: Callable[[Any], Measured], configs: Sequence[RunConfig]) -> Iterator[Record]:
    """Records in the order in which runs finish."""
    if not configs:
        return iter(())
    scheduler = os.environ.get("DASK_SCHEDULER_ADDRESS")
    if scheduler is None:
        return Parallel(n_jobs=-1, return_as="generator_unordered")(
            delayed(record_of)(run, config) for config in configs
        )
    return run_on_cluster(scheduler, partial(record_of, run), configs, run.__module__.partition(".")[0])
