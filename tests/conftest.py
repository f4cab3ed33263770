"""Hypothesis without deadlines, as the machine may be busy; the compiled kernel and one thread for those that ask."""

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


@pytest.fixture
def on_one_thread():
    """Small products in many steps: several threads wait for each other more than they compute."""
    from fabric.experiments.runs import one_thread

    with one_thread(kernel=True):
        yield
