"""How many entries of a dense matrix a cascade can hit exactly, known before training and without data."""

from fabric.constraints._brute_force import brute_force
from fabric.constraints._closed_form import closed_form
from fabric.constraints._coloring import Coloring, coloring
from fabric.constraints._rank import jacobian_rank

__all__ = ["Coloring", "brute_force", "closed_form", "coloring", "jacobian_rank"]
