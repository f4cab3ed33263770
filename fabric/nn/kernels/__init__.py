"""Compiled code behind the layers. The PyTorch path beside it is the reference."""
