"""Programs of others that the library calls: compilers, simulators, synthesis.

None outlives its caller. A program runs in a session of its own, under a watcher that holds the reading end of a pipe.
The pipe closes when the caller leaves or dies, even by a signal that nothing can catch, and then the watcher kills the
session: the program and all that it has started.
"""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_WATCHER = """
import os, signal, subprocess, sys, threading

def watch():
    os.read(0, 1)
    os.killpg(0, signal.SIGKILL)

threading.Thread(target=watch, daemon=True).start()
code = subprocess.call(sys.argv[1:], stdin=subprocess.DEVNULL)
os._exit(code if code >= 0 else 128 - code)
"""


@contextmanager
def started(*command: str, folder: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    """A program that runs while the block does; if it has not ended by then, it is killed with all that it started.

    Args:
        command: the program and its arguments.
        folder: where it runs; here if None.

    Yields:
        The process, with pipes for what it prints. Its exit code is the program's; 128 and the number of the signal if
        one ended that.

    Raises:
        FileNotFoundError: no such program.
    """
    if shutil.which(command[0]) is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), command[0])
    end, held = os.pipe()
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _WATCHER, *command],
            cwd=folder, stdin=end, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
    except BaseException:
        os.close(held)
        raise
    finally:
        os.close(end)
    with process:  # waits
        try:
            yield process
        finally:
            os.close(held)


def run(*command: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """What a program prints, and its exit code, as of `started`."""
    with started(*command, folder=folder) as process:
        printed, errors = process.communicate()
    return subprocess.CompletedProcess(command, process.returncode, printed, errors)
