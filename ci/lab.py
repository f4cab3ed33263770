"""What `make lab` adds to JupyterLab: notebooks are saved as they were, so that running one changes nothing."""

from typing import Any

KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def as_committed(model: dict[str, Any], **_more: Any) -> None:
    """Remove from a notebook that is about to be saved what running it has left: outputs, and what ran it."""
    if model["type"] != "notebook":
        return
    notebook = model["content"]
    notebook["metadata"].pop("widgets", None)
    notebook["metadata"].update(KERNEL)
    for cell in notebook["cells"]:
        cell["metadata"].pop("execution", None)
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
