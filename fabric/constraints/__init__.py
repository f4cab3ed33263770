"""How many entries of a dense matrix a cascade can hit exactly, known before training and without data."""

from fabric.constraints.brute_force import brute_force
from fabric.constraints.closed_form import closed_form
from fabric.constraints.coloring import Coloring, coloring
from fabric.constraints.rank import jacobian_rank

__all__ = ["Coloring", "brute_force", "closed_form", "coloring", "jacobian_rank"]
