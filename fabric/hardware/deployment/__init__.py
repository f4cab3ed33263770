"""From a PyTorch model to a training machine and back."""

from fabric.hardware.deployment._deployed import SIMULATIONS, Deployed, deploy

__all__ = ["SIMULATIONS", "Deployed", "deploy"]
