"""Every topology looks the same in all figures: one colour, one label and one marker each."""

from fabric.experiments.studies.topologies import families
from fabric.plots.style import COLORS, LABELS, MARKERS


def test_every_family_has_a_look_of_its_own():
    wanted = {*families(16), "predefined"}
    for looks in (COLORS, LABELS, MARKERS):
        assert set(looks) == wanted
        assert len(set(looks.values())) == len(wanted)
