"""Distillation after a conversion: less is lost, only the student changes, and misuse is named."""

import copy

import pytest
import torch
from torch import nn

from fabric.nn import ClosLinear, convert, heal, parameter_groups
from fabric.nn.models._calls import called


def teacher():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(16, 32), nn.Tanh(), nn.Dropout(0.5), nn.Linear(32, 8))


def test_a_converted_model_comes_nearer_to_its_teacher_and_nothing_else_changes():
    model = teacher()
    before = copy.deepcopy(model.state_dict())
    student = convert(model, 0.5, at_least=1, sweeps=5, structures=["clos"]).model.eval()
    batches, unseen = [torch.randn(32, 16) for _ in range(60)], torch.randn(200, 16)

    def lost():
        with torch.no_grad():
            return (student(unseen) - copy.deepcopy(model).eval()(unseen)).square().mean().item()

    at_first = lost()
    losses = heal(student, model, batches, lr=3e-3)
    assert len(losses) == 60 and lost() < 0.5 * at_first and losses[-1] < losses[0]
    assert model.training and not student.training and isinstance(student[0], ClosLinear)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in [*student.parameters(), *model.parameters()])


class Named(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x, scale=1.0):
        return {"logits": self.layer(x) * scale, "more": None}


def test_any_call_and_any_loss():
    model, student = Named(), Named()
    batches = ({"x": torch.randn(5, 4), "scale": 2.0} for _ in range(30))
    losses = heal(student, model, batches, lr=0.05, loss=nn.functional.l1_loss)
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.filterwarnings("ignore:.*torch.jit.trace:DeprecationWarning")
def test_a_traced_teacher_does_not_say_what_it_takes():
    traced = torch.jit.trace(teacher().eval(), torch.randn(2, 16))
    assert called(traced, torch.randn(3, 16)).shape == (3, 8)


def test_misuse_is_named():
    model = teacher()
    with pytest.raises(ValueError, match="teacher must share no parameters with student"):
        heal(model, model, [torch.randn(2, 16)])
    with pytest.raises(ValueError, match="batches must hold at least one input, got none"):
        heal(copy.deepcopy(model), model, [])
    with pytest.raises(ValueError, match=r"lr must be below 0\.001, or batches are faulty: step 1 lost nan"):
        heal(copy.deepcopy(model), model, [torch.full((2, 16), torch.nan)])
    with pytest.raises(ValueError, match="the model must return a tensor, alone or first of several, got str"):
        heal(nn.ModuleList([nn.Linear(1, 1)]), _Talks(), [torch.randn(2, 16)])


def test_batches_that_do_not_fit_are_named_with_the_layer_that_fails():
    model = teacher()
    wide, narrow = nn.Sequential(nn.Linear(16, 9)), nn.Sequential(nn.Linear(16, 1))
    before = copy.deepcopy(wide.state_dict())
    linear = r"'0', Linear\(in_features=16, out_features=\d+, bias=True\) of torch.float32, which gets"
    for batch in (torch.randn(10, 7), torch.randn(10, 16).double()):
        kind = rf"{batch.dtype} \(10, {batch.shape[1]}\)"
        message = rf"a batch must be what the model takes, got {kind}: {linear} {kind}, fails: mat1"
        with pytest.raises(ValueError, match=message):
            heal(copy.deepcopy(model), model, [batch])
        with pytest.raises(ValueError, match=message):
            convert(model, 0.5, [torch.randn(99, 16), batch], at_least=1)
    for student in (wide, narrow):  # (10, 1) would be broadcast
        with pytest.raises(ValueError, match=r"of the student's shape, \(10, [91]\) for this batch, got \(10, 8\)"):
            heal(student, model, [torch.randn(10, 16)])
    with pytest.raises(ValueError, match="a batch must be what the model takes"):
        heal(wide, nn.Linear(16, 9), [torch.randn(10, 16), torch.randn(10, 15)])
    assert all(torch.equal(values, before[name]) for name, values in wide.state_dict().items())
    with pytest.raises(ValueError, match=r"loss must return one number as a tensor, got shape \(10, 8\)"):
        heal(copy.deepcopy(model), model, [torch.randn(10, 16)], loss=lambda ours, wanted: ours - wanted)


def test_the_module_that_fails_is_named_and_no_other():
    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(4, 3)

        def forward(self, x):
            return self.inner(x) + x

    with pytest.raises(
        ValueError, match=r"'0', Sum\(\) of torch.float32, which gets torch.float32 \(2, 4\), fails: The"
    ):
        called(nn.Sequential(Sum()), torch.randn(2, 4))
    with pytest.raises(ValueError, match=r"got torch.int64 \(1,\): the model fails: index out of range"):
        called(nn.Embedding(3, 4), torch.tensor([7]))


class _Talks(nn.Module):
    def forward(self, x):
        return "text"


def test_a_rate_too_high_leaves_the_student_as_it_was():
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))
    student = convert(model, 0.4, at_least=1).model
    before = copy.deepcopy(student.state_dict())
    with pytest.raises(ValueError, match=r"lr must be below 30, or batches more: the loss rose from"):
        heal(student, model, [torch.randn(64, 16) for _ in range(20)], lr=30)
    assert all(torch.equal(values, before[name]) for name, values in student.state_dict().items())


def test_converted_layers_heal_at_the_default_rate():
    torch.manual_seed(4)
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))
    student = convert(model, 0.3, at_least=5000).model
    losses = heal(student, model, [torch.randn(256, 64) for _ in range(60)])
    assert max(losses) < 1.5 * losses[0]
    assert losses[-1] < 0.7 * losses[0]


def test_wrong_objects_are_named():
    model = nn.Linear(4, 4)
    with pytest.raises(TypeError, match=r"student must be a torch\.nn\.Module, got int"):
        heal(5, model, [torch.randn(2, 4)])
    with pytest.raises(TypeError, match=r"batches must be an iterable of inputs, such as \[x\], got Tensor"):
        heal(copy.deepcopy(model), model, torch.randn(2, 4))
    with pytest.raises(ValueError, match=r"data must be an iterable of inputs, such as \[x\], got Tensor"):
        convert(model, 0.5, torch.randn(2, 4))
    with pytest.raises(ValueError, match="model must be"):
        parameter_groups(model.parameters(), lr=1)


def test_a_first_batch_that_lost_nothing_is_no_standard_for_the_others():
    """On zeros student and teacher agree before training: only all batches together say whether it helped."""
    torch.manual_seed(0)
    model, student = nn.Linear(6, 4, bias=False), nn.Linear(6, 4, bias=False)
    batches = [torch.zeros(3, 6), *(torch.randn(30, 6) for _ in range(40))]
    losses = heal(student, model, batches, lr=3e-2)
    assert losses[0] == 0 < losses[-1] < losses[1]


def test_a_last_step_that_spoils_the_student_is_refused():
    model = nn.Linear(6, 4)
    student = copy.deepcopy(nn.Linear(6, 4))
    before = copy.deepcopy(student.state_dict())
    with pytest.raises(ValueError, match=r"the loss rose from .* to (nan|inf)"):
        heal(student, model, [torch.randn(3, 6)], lr=1e30)
    assert all(torch.equal(before[name], values) for name, values in student.state_dict().items())
