"""Muon for matrices, AdamW for embeddings and scales."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def orthogonalise(batch: Tensor, steps: int = 5) -> Tensor:
    """Bring each matrix of a batch near the closest orthogonal one (Newton-Schulz)."""
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = batch.shape[1] > batch.shape[2]
    x = batch.transpose(1, 2) if tall else batch
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.transpose(1, 2)
        x = a * x + (b * gram + c * gram @ gram) @ x
    result: Tensor = x.transpose(1, 2) if tall else x
    return result


class Muon:
    """Momentum, orthogonalised; matrices of one shape are worked on together.

    ``paces`` scale the update of each entry.
    """

    def __init__(
        self, matrices: Sequence[Tensor], paces: Sequence[Tensor], momentum: float = 0.95, decay: float = 0.01
    ) -> None:
        self.momentum, self.decay = momentum, decay
        self.groups: dict[tuple[int, ...], list[Tensor]] = {}
        grouped: dict[tuple[int, ...], list[Tensor]] = {}
        for matrix, pace in zip(matrices, paces, strict=True):
            self.groups.setdefault(tuple(matrix.shape), []).append(matrix)
            grouped.setdefault(tuple(matrix.shape), []).append(pace)
        self.paces = {shape: torch.stack(many) for shape, many in grouped.items()}
        self.buffers = {
            shape: torch.zeros(len(many), *shape, device=many[0].device) for shape, many in self.groups.items()
        }

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Update every matrix."""
        for shape, many in self.groups.items():
            gradients = torch.stack([m.grad for m in many if m.grad is not None])
            buffer = self.buffers[shape]
            buffer.lerp_(gradients, 1 - self.momentum)
            update = orthogonalise(gradients.lerp(buffer, self.momentum)) * self.paces[shape]
            scale = max(1.0, shape[0] / shape[1]) ** 0.5
            for matrix, change in zip(many, update, strict=True):
                matrix.mul_(1 - rate * self.decay).add_(change, alpha=-rate * scale)
                matrix.grad = None

    def state(self) -> dict[tuple[int, ...], Tensor]:
        """What a checkpoint has to hold."""
        return self.buffers

    def load(self, state: dict[tuple[int, ...], Tensor]) -> None:
        """Take up a checkpoint's state, on the device of the matrices."""
        for shape, buffer in self.buffers.items():
            buffer.copy_(state[shape])
