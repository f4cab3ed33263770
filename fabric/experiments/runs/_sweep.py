"""Many runs at once: on this machine's cores, or on a Dask cluster, with the same code."""

import importlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pandas as pd
from joblib import Parallel, delayed
from tqdm.auto import tqdm

from fabric.experiments.runs._store import Record, RunStore, run_key


def sweep(run: Callable[[Any], Record], configs: Sequence[Any], store: RunStore, title: str = "runs") -> pd.DataFrame:
    """Run what the store does not hold yet and return all records, one row per configuration, in their order.

    Runs in one process per core (joblib; LOKY_MAX_CPU_COUNT limits it), or on the Dask cluster whose scheduler
    DASK_SCHEDULER_ADDRESS names. Each record is stored as it arrives, so a kill loses at most the runs in flight.

    Args:
        run: `train` or another function from a configuration to its record.
        configs: dataclass instances with a class attribute `recipe`; equal ones are run once.
        store: where finished runs are found and kept.
        title: of the progress bar.

    Raises:
        RuntimeError: a Dask worker cannot import this package.
    """
    keys = [run_key(config) for config in configs]
    records = {key: store.get(key) for key in keys}
    missing = {key: config for key, config in zip(keys, configs, strict=True) if records[key] is None}
    with tqdm(total=len(records), initial=len(records) - len(missing), desc=title, unit="run") as progress:
        for record in _run_all(run, missing.values()):
            store.put(record)
            records[record["key"]] = store.get(record["key"])  # as read back: a stored run and a new one look the same
            progress.update()
    return pd.DataFrame([records[key] for key in keys])


def _run_all(run: Callable[[Any], Record], configs: Iterable[Any]) -> Iterator[Record]:
    """Records in the order in which runs finish."""
    scheduler = os.environ.get("DASK_SCHEDULER_ADDRESS")
    if scheduler is None:
        return Parallel(n_jobs=-1, return_as="generator_unordered")(delayed(run)(config) for config in configs)
    return _run_on_cluster(scheduler, run, configs)


def _run_on_cluster(scheduler: str, run: Callable[[Any], Record], configs: Iterable[Any]) -> Iterator[Record]:
    from distributed import Client, as_completed  # slow to import, and only clusters need it

    with Client(scheduler) as client:
        package = run.__module__.partition(".")[0]
        failures = {worker: error for worker, error in client.run(_import_failure, package).items() if error}
        if failures:
            raise RuntimeError(f"install {package} on these Dask workers: {failures}")
        futures = client.map(run, list(configs), pure=False)
        for _, record in as_completed(futures, with_results=True):
            yield record


def _import_failure(package: str) -> str | None:
    """The reason why a package cannot be imported here, or None."""
    try:
        importlib.import_module(package)
    except ImportError as error:
        return str(error)
    return None
