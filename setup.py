"""What pyproject.toml cannot say: the wheel holds rtl/ as fabric/rtl, and making it leaves build/ alone."""

import tempfile

from setuptools import find_namespace_packages, setup

scratch = tempfile.TemporaryDirectory()  # in build/, files of an earlier wheel would get into the next
packages = find_namespace_packages(include=["fabric", "fabric.*"], exclude=["*.__pycache__"])
setup(
    packages=[*packages, "fabric.rtl", "fabric.rtl.sim"],
    package_dir={"fabric.rtl": "rtl"},
    package_data={"": ["*"]},
    options={"build": {"build_base": scratch.name}},
)
