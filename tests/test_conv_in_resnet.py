"""The convolutions of a residual network, written as torchvision writes it, exchanged for structured ones."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from fabric.nn import ClosConv2d, convert, fewer, parameter_groups, replace


class BasicBlock(nn.Module):
    def __init__(self, inplanes, planes, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = None
        if stride != 1 or inplanes != planes:
            self.downsample = nn.Sequential(nn.Conv2d(inplanes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))

    def forward(self, x):
        identity = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(x)) + identity)


def resnet():
    torch.manual_seed(0)
    stem = nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True)
    blocks = BasicBlock(16, 16, 1), BasicBlock(16, 32, 2), BasicBlock(32, 32, 1)
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 4))


def by_hand(spatial):
    def choose(name, layer):
        if not isinstance(layer, nn.Conv2d) or layer.in_channels == 3:
            return None
        geometry = {"stride": layer.stride, "padding": layer.padding, "bias": False, "spatial": spatial}
        return ClosConv2d(layer.in_channels, layer.out_channels, layer.kernel_size, 4, 4, 4, **geometry)

    return lambda model: replace(model, choose).model


WAYS = {
    **{spatial: by_hand(spatial) for spatial in ("first", "im2col", "depthwise")},
    "fewer": lambda model: replace(model, fewer(4, at_least=500)).model,
    "convert": lambda model: convert(model, 0.3, at_least=500, sweeps=3).model,
}


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("way", WAYS)
def test_a_residual_network_learns_with_its_convolutions_exchanged(way, memory):
    dense = resnet()
    model = WAYS[way](dense).to(memory_format=memory).train()
    assert sum(map(torch.numel, model.parameters())) < 0.6 * sum(map(torch.numel, dense.parameters()))
    generator = torch.Generator().manual_seed(1)
    y = torch.randint(4, (64,), generator=generator)
    x = torch.randn(64, 3, 8, 8, generator=generator) + torch.eye(4, 3)[y][:, :, None, None]
    x = x.contiguous(memory_format=memory)
    optimizer = torch.optim.AdamW(parameter_groups(model, 3e-3, 0.01))
    losses = []
    for _ in range(12):
        loss = functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    if memory is torch.channels_last:
        return
    exported = torch.export.export(model.eval(), (x,))
    assert torch.allclose(exported.module()(x), model(x), atol=1e-3)
