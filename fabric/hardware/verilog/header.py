"""What the Verilog files say of themselves."""

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Header:
    """What the comment at the top of a module's file says: its purpose in one sentence, and its latency."""

    module: str
    purpose: str
    latency: str


def header(path: Path) -> Header:
    """The header of a Verilog file that holds one module of its name.

    Raises:
        ValueError: no sentence on the latency.
    """
    lines = path.read_text(encoding="utf-8").splitlines()[1:]
    comment = []
    for line in lines:
        if not line.startswith("//"):
            break
        comment.append(line.removeprefix("//").strip())
    sentences = re.split(r"(?<=\.)\s+", " ".join(comment))
    latency = [sentence for sentence in sentences if re.match("Latency|Combinational", sentence)]
    if not latency:
        raise ValueError(f"the comment at the top of {path.name} must say the latency, got {' '.join(comment)!r}")
    return Header(path.stem, sentences[0].rstrip("."), latency[0].rstrip("."))
