"""Search for cascades that solve many constraints with few parameters."""

from fabric.experiments.searching._genome import Candidate, decode, solvable, variables
from fabric.experiments.searching._search import OBJECTIVES, SearchConfig, search

__all__ = ["OBJECTIVES", "Candidate", "SearchConfig", "decode", "search", "solvable", "variables"]
