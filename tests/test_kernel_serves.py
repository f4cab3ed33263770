"""When the kernel serves, and how it is built and found."""

import copy
import os
import pickle
import subprocess
import sys

import pytest
import torch
from kernel_cases import randomised
from torch.nn.utils import prune

from fabric import topology
from fabric.experiments.runs import one_thread
from fabric.nn import CascadeLinear, ClosLinear, backend, reference
from fabric.nn.kernels import KernelBuildError, _build, _dispatch
from fabric.topology import skips


def test_experiments_train_with_the_reference(kernel):
    with one_thread():
        assert backend(ClosLinear(24, 16, 4, 3, 8)).startswith("reference: forced")


def test_inference_mode_and_changed_weights(kernel):
    layer, x = randomised(ClosLinear(24, 16, 4, 3, 8)), torch.randn(5, 24)
    with torch.inference_mode():
        before = layer(x)
    layer.middle_weight.data.mul_(2)  # which PyTorch does not count as a change
    with torch.no_grad():
        assert torch.allclose(layer(x) - layer.bias, 2 * (before - layer.bias), atol=1e-5)


def test_copies_and_pickles_of_a_used_layer(kernel):
    layer, x = randomised(ClosLinear(24, 16, 4, 3, 8)), torch.randn(5, 24)
    y = layer(x)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(twin(x), y)


def test_masks_on_stages_are_respected(kernel):
    layer, x = CascadeLinear(topology.butterfly(16, 4)), torch.randn(5, 16)
    prune.random_unstructured(layer.stages[0], "weight", 0.5)
    assert backend(layer) == "reference: a stage has hooks"
    assert torch.allclose(layer(x), x @ layer.dense_weight().t(), atol=1e-5)


def test_backend_says_who_serves_and_why(kernel):
    layer = ClosLinear(24, 16, 4, 3, 8)
    assert backend(layer) == f"native {_build.instruction_set()}"
    assert backend(ClosLinear(24, 16, 4, 3, 8, dtype=torch.float64)) == "reference: float64"
    skipped = CascadeLinear(topology.hypercube(8), skips=skips.identity(topology.hypercube(8)))
    assert backend(skipped) == "reference: a cascade that the kernel does not know"
    assert backend(ClosLinear(24, 16, 4, 3, 8, device="meta")) == "reference: device meta"
    with reference():
        assert backend(layer) == "reference: forced by fabric.nn.reference()"
        assert layer(torch.randn(3, 24)).t().is_contiguous()  # what the reference returns


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


SAY = "import torch; from fabric.nn import ClosLinear, backend; l = ClosLinear(8, 8, 2, 2, 2); l(torch.ones(1, 8));"


def test_a_machine_without_compiler_and_kernel(tmp_path):
    build = (
        "from fabric.nn import kernels\ntry: kernels.build()\nexcept kernels.KernelBuildError as error: print(error)"
    )
    done = run(f"{SAY} print(backend(l))\n{build}", FABRIC_CACHE=str(tmp_path), PATH="", CXX="")
    assert done.returncode == 0, done.stderr
    assert "reference: " in done.stdout
    if _build.instruction_set():
        assert "kernel not built: run python -m fabric.nn.kernels build" in done.stdout
        assert "no C++ compiler" in done.stdout
    assert not list(tmp_path.iterdir())


def test_the_environment_forces_the_reference(kernel):
    done = run(f"{SAY} print(backend(l))", FABRIC_KERNEL="reference")
    assert done.stdout.strip() == "reference: FABRIC_KERNEL=reference", done.stderr


def test_a_killed_build_leaves_nothing_and_a_second_one_succeeds(kernel, tmp_path, monkeypatch):
    monkeypatch.setenv("FABRIC_CACHE", str(tmp_path))
    killed = tmp_path / "killed"
    killed.write_text(
        '#!/bin/sh\ncase "$1" in --version) echo 1;; *) for last; do :; done; echo half > "$last"; exit 137;; esac\n'
    )
    killed.chmod(0o755)
    with pytest.raises(KernelBuildError, match="killed"):
        _build.build(compiler=str(killed))
    assert _build.find(_build.instruction_set()) is None
    compiled = tmp_path / "compiled"
    compiled.write_text(killed.read_text().replace("exit 137", "exit 0"))
    compiled.chmod(0o755)
    path = _build.build(compiler=str(compiled))
    assert _build.find(_build.instruction_set()) == path and path.read_text() == "half\n"
    monkeypatch.setattr(_dispatch._Kernel, "loaded", None)
    other = _dispatch._Kernel()
    other.look_up()
    assert not other.serves and other.why_not.startswith("kernel does not load")


def test_unknown_targets_and_compilers_are_refused():
    with pytest.raises(KernelBuildError, match="target must be one of AVX-512 BF16, AVX-512, AVX2, NEON, got 'SSE'"):
        _build.build("SSE")
    with pytest.raises(KernelBuildError, match="no C\\+\\+ compiler: looked for no-such-compiler"):
        _build.build("AVX2", compiler="no-such-compiler")
