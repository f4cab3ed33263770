"""Runs on the Dask cluster that DASK_SCHEDULER_ADDRESS names."""

import importlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Any

PATIENCE = 30.0  # seconds to wait for a scheduler to answer and for workers to be there


def run_on_cluster(scheduler: str, run: Callable[[Any], Any], configs: Sequence[Any], package: str) -> Iterator[Any]:
    """What the runs return, in the order in which they finish; what a run raises is raised here.

    Args:
        scheduler: its address, such as "tcp://host:8786".
        run: called with each configuration.
        configs: the configurations.
        package: which the workers must be able to import.

    Raises:
        RuntimeError: `scheduler` is empty or does not answer, no worker is there within `PATIENCE`, or a worker cannot
            import the package. The message names DASK_SCHEDULER_ADDRESS.
    """
    from distributed import Client, wait  # slow to import, and only clusters need it

    if not scheduler.strip():
        raise RuntimeError(
            "DASK_SCHEDULER_ADDRESS must be the address of a Dask scheduler such as tcp://host:8786, got an empty one: "
            "unset it to run on this machine's cores"
        )
    with _explained(scheduler):
        client = Client(scheduler, timeout=PATIENCE)
    with client:
        with _explained(scheduler):
            client.wait_for_workers(1, timeout=PATIENCE)
            failures = {worker: error for worker, error in client.run(_import_failure, package).items() if error}
        if failures:
            raise RuntimeError(f"install {package} on these workers of DASK_SCHEDULER_ADDRESS={scheduler}: {failures}")
        pending = set(client.map(run, list(configs), pure=False))
        while pending:
            with _explained(scheduler):
                try:
                    done, pending = wait(pending, timeout=PATIENCE, return_when="FIRST_COMPLETED")
                except TimeoutError:  # long runs, or nobody left to run them
                    client.wait_for_workers(1, timeout=PATIENCE)
                    continue
                results = client.gather([future for future in done if future.status == "finished"])
            yield from results
            for future in done:
                if future.status == "error":
                    future.result()


@contextmanager
def _explained(scheduler: str) -> Iterator[None]:
    """Dask's own troubles as one sentence that says what to do."""
    named = f"DASK_SCHEDULER_ADDRESS={scheduler} names"
    try:
        yield
    except (CancelledError, OSError, ValueError) as error:
        # Dask's error for missing workers is both a TimeoutError and named after workers; a scheduler that cannot be
        # reached is any OSError, and an address that is none a ValueError.
        if type(error).__name__ == "WorkerStartTimeoutError":
            raise RuntimeError(
                f"{named} a scheduler without workers: start one with 'dask worker {scheduler}'"
            ) from None
        raise RuntimeError(
            f"{named} a scheduler that does not answer ({type(error).__name__}): start it and run this again, finished "
            "runs are kept; or unset the variable to run on this machine's cores"
        ) from None


def _import_failure(package: str) -> str | None:
    """The reason why a package cannot be imported here, or None."""
    try:
        importlib.import_module(package)
    except ImportError as error:
        return str(error)
    return None
