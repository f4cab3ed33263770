"""What a conversion lost, learnt back from the model before it."""

from collections.abc import Callable, Iterable, Sequence, Sized

import torch
from torch import Tensor, nn
from torch.nn import functional

from fabric.nn.models._calls import called, evaluating, first_tensor
from fabric.nn.models._rates import parameter_groups

Loss = Callable[[Tensor, Tensor], Tensor]  # of the student's and the teacher's outputs
_COMPARED = 8  # batches on which the student is compared with itself before


def heal(
    student: nn.Module,
    teacher: nn.Module,
    batches: Iterable[object],
    *,
    lr: float = 1e-3,
    weight_decay: float = 0.0,
    loss: Loss = functional.mse_loss,
) -> list[float]:
    """Distillation: train a converted model to give the outputs of the one it was made from, a step per batch.

    AdamW with the rates of `parameter_groups`, which fall along half a cosine if the batches have a length. The student
    runs in the mode that it is in and is changed in place, the teacher in evaluation mode, which is put back.

    Args:
        student, teacher: called alike; they return a tensor, or a sequence or mapping whose first entry is one.
        batches: inputs: tensors, tuples of arguments or dictionaries by name. No labels.
        lr, weight_decay: of a dense matrix, see `parameter_groups`.
        loss: of both outputs, a scalar; for a classifier the Kullback-Leibler divergence of its logits, say.

    Returns:
        The loss at every step, before it.

    Raises:
        TypeError: student or teacher is no module, or batches are one tensor, of which each row would be a batch.
        ValueError: student and teacher are one, share parameters or return tensors of different shapes, there are no
            batches, a model does not take one, the loss is no scalar, or it is not finite or larger at the end than
            before, on the same batches: the first eight. The student is then as it was.
    """
    for name, model in (("student", student), ("teacher", teacher)):
        if not isinstance(model, nn.Module):
            raise TypeError(f"{name} must be a torch.nn.Module, got {type(model).__name__}")
    if isinstance(batches, Tensor) or not isinstance(batches, Iterable):
        raise TypeError(f"batches must be an iterable of inputs, such as [x], got {type(batches).__name__}")
    if set(map(id, student.parameters())) & set(map(id, teacher.parameters())):
        raise ValueError("teacher must share no parameters with student: convert a copy (in_place=False)")
    optimiser = torch.optim.AdamW(parameter_groups(student, lr, weight_decay))
    schedule = None
    if isinstance(batches, Sized):
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(1, len(batches)))
    before = {name: values.detach().clone() for name, values in student.state_dict().items()}
    losses: list[float] = []
    kept: list[object] = []
    try:
        with evaluating(teacher):
            for batch in batches:
                if len(kept) < _COMPARED:
                    kept.append(batch)
                value = _lost(student, teacher, batch, loss)
                losses.append(value.item())
                if not torch.isfinite(value):
                    raise ValueError(f"lr must be below {lr}, or batches are faulty: step {len(losses)} lost {value}")
                optimiser.zero_grad()
                value.backward()
                optimiser.step()
                if schedule is not None:
                    schedule.step()
    except ValueError:
        student.load_state_dict(before)
        raise
    if not losses:
        raise ValueError("batches must hold at least one input, got none")
    optimiser.zero_grad()
    after = {name: values.detach().clone() for name, values in student.state_dict().items()}
    ended = _mean_loss(student, teacher, kept, loss)
    student.load_state_dict(before)
    began = _mean_loss(student, teacher, kept, loss)
    if not ended <= began:  # nan is no healing
        student.load_state_dict(before)  # batches in training mode move the statistics of normalisations
        raise ValueError(f"lr must be below {lr}, or batches more: the loss rose from {began:.4g} to {ended:.4g}")
    student.load_state_dict(after)
    return losses


def _lost(student: nn.Module, teacher: nn.Module, batch: object, loss: Loss) -> Tensor:
    with torch.no_grad():
        wanted = first_tensor(called(teacher, batch))
    ours = first_tensor(called(student, batch))
    if ours.shape != wanted.shape:
        raise ValueError(
            f"teacher must return tensors of the student's shape, {tuple(ours.shape)} for this batch, "
            f"got {tuple(wanted.shape)}"
        )
    value = loss(ours, wanted)
    if not isinstance(value, Tensor) or value.numel() != 1:
        given = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(f"loss must return one number as a tensor, got {given}")
    return value


def _mean_loss(student: nn.Module, teacher: nn.Module, batches: Sequence[object], loss: Loss) -> float:
    with torch.no_grad(), evaluating(teacher):
        values = [_lost(student, teacher, batch, loss).item() for batch in batches]
    return sum(values) / len(values)
