"""Make this checkout's package importable in the environment that runs this, under its name and version.

`pip install --editable` does the same, but fails where a path has a $ (setuptools) and where the checkout is read-only.
"""

import os
import shutil
import sysconfig
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    site = Path(sysconfig.get_path("purelib"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name, version = project["name"].replace("-", "_"), project["version"]
    (site / f"{name}.pth").write_bytes(os.fsencode(ROOT) + b"\n")
    for earlier in site.glob(f"{name}-*.dist-info"):
        shutil.rmtree(earlier)
    information = site / f"{name}-{version}.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {version}\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
