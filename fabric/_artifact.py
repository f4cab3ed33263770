"""The packages that only the artifact needs import this first: one sentence says what is missing of its extra."""

from importlib.util import find_spec

_NEEDED = ("ipywidgets", "joblib", "matplotlib", "networkx", "pandas", "pooch", "pymoo", "seaborn", "sklearn", "tqdm")

if _MISSING := [name for name in _NEEDED if find_spec(name) is None]:
    raise ImportError(
        f"fabric.experiments and fabric.plots need {', '.join(_MISSING)}: install the extra, sparse-fabric[artifact]"
    )
