"""Idiomatic PyTorch, with the data in memory: a module, `zero_grad`, `backward`, fused Adam."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from benchmarks.peers.child import EndOfRound, serve
from benchmarks.peers.problem import BATCH, LEARNING_RATE, PIXELS, SIDE, Problem


def train(problem: Problem, examples: np.ndarray, setting: str, end_of_round: EndOfRound) -> None:
    """Settings: `eager`; `compile`, loss and gradient under `torch.compile`."""
    import torch

    torch.manual_seed(0)
    encoder, decoder = (_conv if problem.family == "conv" else _dense)(problem)
    weights = [*encoder.parameters(), *decoder.parameters()]
    optimizer = torch.optim.Adam(weights, LEARNING_RATE, fused=True)
    data = torch.from_numpy(examples)
    data = data[:, None] if problem.family == "conv" else data.reshape(-1, PIXELS)

    def loss(x: Any) -> Any:
        x = x.float() / 255.0
        mean, log_var = encoder(x).chunk(2, -1)
        logits = decoder(mean + torch.exp(0.5 * log_var) * torch.randn_like(mean))
        kl = 0.5 * (mean.square() + log_var.exp() - log_var - 1.0).sum()
        missed = torch.nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        return (missed + kl) / BATCH

    loss = torch.compile(loss) if setting == "compile" else loss
    end_of_round()
    while True:
        total = torch.zeros(())
        for indices in torch.randperm(len(data)).reshape(problem.steps, BATCH):
            optimizer.zero_grad()
            value = loss(data[indices])
            value.backward()
            optimizer.step()
            total += value.detach()
        end_of_round(float(total) / problem.steps)


def _dense(problem: Problem) -> tuple[Any, Any]:
    from torch import nn

    (width,) = problem.widths
    encoder = nn.Sequential(nn.Linear(PIXELS, width), nn.ReLU(), nn.Linear(width, 2 * problem.latent))
    return encoder, nn.Sequential(nn.Linear(problem.latent, width), nn.ReLU(), nn.Linear(width, PIXELS))


def _conv(problem: Problem) -> tuple[Any, Any]:
    import torch
    from torch import nn

    low, high = problem.widths
    side, shape = SIDE // 4, dict(kernel_size=4, stride=2, padding=1)
    encoder = nn.Sequential(
        *(nn.Conv2d(1, low, **shape), nn.ReLU(), nn.Conv2d(low, high, **shape), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(side * side * high, 2 * problem.latent)),
    )
    decoder = nn.Sequential(
        *(nn.Linear(problem.latent, side * side * high), nn.ReLU(), nn.Unflatten(1, (high, side, side))),
        *(nn.ConvTranspose2d(high, low, **shape), nn.ReLU(), nn.ConvTranspose2d(low, 1, **shape)),
    )
    # PyTorch's convolutions are faster in this layout on a CPU.
    return encoder.to(memory_format=torch.channels_last), decoder.to(memory_format=torch.channels_last)


def _use_threads(count: int) -> None:
    import torch

    torch.set_num_threads(count)


if __name__ == "__main__":
    sys.exit(serve(train, _use_threads))
