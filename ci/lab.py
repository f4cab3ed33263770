"""What `make lab` adds to JupyterLab: notebooks are saved without outputs, so that looking at one changes nothing."""

from typing import Any


def without_outputs(model: dict[str, Any], **_more: Any) -> None:
    """Remove from a notebook that is about to be saved what running it has left."""
    if model["type"] != "notebook":
        return
    notebook = model["content"]
    notebook["metadata"].pop("widgets", None)
    for cell in notebook["cells"]:
        cell["metadata"].pop("execution", None)
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
