"""Pack what a reader of the paper may want to keep: sources, records, tables, report, and a checksum of each file."""

import argparse
import gzip
import hashlib
import io
import subprocess
import sys
import tarfile
from pathlib import Path

from places import ROOT, of_paper
from report import typeset


def files() -> dict[str, bytes]:
    """The files that git knows, as they stand here, and the report of the committed results, by name."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    found = {name: (ROOT / name).read_bytes() for name in sorted(listed.split("\0")) if name}
    return found | {"report.pdf": typeset(of_paper(), ROOT / "build" / "paper.pdf").read_bytes()}


def pack(contents: dict[str, bytes], target: Path) -> Path:
    """Write a .tar.gz whose bytes follow from the contents alone, with their SHA-256 in `checksums.txt`."""
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(contents.items()))
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as pressed,
        tarfile.open(fileobj=pressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, data in sorted({**contents, "checksums.txt": sums.encode()}.items()):
            entry = tarfile.TarInfo(f"sparse-fabric/{name}")
            entry.size, entry.mode = len(data), 0o755 if data.startswith(b"#!") else 0o644
            archive.addfile(entry, io.BytesIO(data))
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".part")
    unfinished.write_bytes(packed.getvalue())
    return unfinished.replace(target)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    print(pack(files(), parser.parse_args().build / "fabric.tar.gz"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
