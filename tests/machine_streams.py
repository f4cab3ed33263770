"""What moves through the streams of a simulated machine, for tests that stream it once more."""

from collections import defaultdict
from contextlib import contextmanager
from unittest.mock import patch

import numpy as np


@contextmanager
def recording(simulation):
    """A mapping from each stream to the packed beats that have moved in it inside; complete afterwards."""
    moved, beats, pump = {}, defaultdict(list), simulation.pump

    def recorded(streams, *arguments):
        outcome = pump(streams, *arguments)
        for name, stream in streams.items():
            beats[name].append(stream.arrays[0][: stream.done].copy())
        return outcome

    with patch.object(simulation, "pump", recorded):
        yield moved
    moved.update({name: np.concatenate(parts) for name, parts in beats.items()})
