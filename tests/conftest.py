"""Hypothesis without deadlines, as the machine may be busy, and the compiled kernel for the tests that want it."""

import shutil

import pytest
from hypothesis import settings

settings.register_profile("fabric", deadline=None, derandomize=True)
settings.load_profile("fabric")


@pytest.fixture(scope="module")
def kernel():
    """The kernel of these sources, which is compiled unless that has been done."""
    from fabric.nn.kernels import _build, _dispatch, build

    if (shutil.which("g++") or shutil.which("clang++")) is None or _build.instruction_set() is None:
        pytest.skip("no compiler, or a processor that the kernel does not know")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("FABRIC_KERNEL", raising=False)
        assert build().startswith("native")
        yield
    _dispatch._kernel.look_up()
