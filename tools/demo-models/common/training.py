"""Trains a model that generates text, on samples that were written down before."""

from pathlib import Path

import numpy as np
import torch

from common.batches import collate, plan
from common.loop import run
from common.model import ModelConfig

Encoded = list[tuple[np.ndarray, np.ndarray]]


class Planned:
    """Batches of encoded samples, epoch after epoch."""

    def __init__(self, samples: Encoded, tokens_per_batch: int, seed: int, device: str):
        self.samples, self.budget, self.seed, self.device = samples, tokens_per_batch, seed, torch.device(device)
        self.lengths = [len(ids) for ids, _ in samples]
        self.restore({"epoch": 0, "index": 0})

    def restore(self, state: dict) -> None:
        self.epoch, self.index = state["epoch"], state["index"]
        self.batches = plan(self.lengths, self.budget, self.seed, self.epoch)

    def state(self) -> dict:
        return {"epoch": self.epoch, "index": self.index}

    def next(self) -> tuple[tuple[torch.Tensor, torch.Tensor], int]:
        if self.index >= len(self.batches):
            self.restore({"epoch": self.epoch + 1, "index": 0})
        chosen = self.batches[self.index]
        self.index += 1
        return collate([self.samples[i] for i in chosen], self.device), sum(self.lengths[i] for i in chosen)


def train(
    config: ModelConfig,
    samples: Encoded,
    folder: Path,
    *,
    steps: int,
    tokens_per_batch: int,
    learning_rate: float,
    optimizer: str,
    device: str,
    seed: int,
    compiled: bool,
    first: dict[str, torch.Tensor] | None = None,
) -> None:
    """Trains from folder/checkpoint.pt, or else from the weights `first`, or anew, up to `steps`: see `loop.run`."""
    torch.manual_seed(seed)
    model = config.build(seed).to(device)
    if first:
        model.load_state_dict(first)
    if compiled:
        model.model.compile(dynamic=True)
    batches = Planned(samples, tokens_per_batch, seed, device)
    run(model, lambda batch: model.loss(*batch), batches, folder, steps=steps, learning_rate=learning_rate, optimizer=optimizer, device=device)
