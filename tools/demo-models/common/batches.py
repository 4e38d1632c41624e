"""Batches of samples of similar length, in an order that a seed and an epoch number decide."""

import random

import numpy as np
import torch

POOL = 4096
# Lengths and row counts are padded to a multiple of these: a CPU prepares its kernels anew for every shape it has not seen.
LENGTH_STEP = 8
ROW_STEP = 4


def padded(length: int) -> int:
    return -(-length // LENGTH_STEP) * LENGTH_STEP


def plan(lengths: list[int], tokens_per_batch: int, seed: int, epoch: int) -> list[list[int]]:
    """Indices of the samples of each batch: shuffled, sorted by length inside pools, padded size within the budget."""
    rng = random.Random(f"{seed}/{epoch}")
    order = list(range(len(lengths)))
    rng.shuffle(order)
    batches: list[list[int]] = []
    for start in range(0, len(order), POOL):
        pool = sorted(order[start : start + POOL], key=lambda index: lengths[index])
        batch: list[int] = []
        for index in pool:
            if batch and (len(batch) + 1) * padded(lengths[index]) > tokens_per_batch:
                batches.append(batch)
                batch = []
            batch.append(index)
        batches.append(batch)
    rng.shuffle(batches)
    return batches


def collate(samples: list[tuple[np.ndarray, np.ndarray]], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Right-padded ids [batch, length] and weights of the same shape (0 on the padding, empty rows included)."""
    length = padded(max(len(ids) for ids, _ in samples))
    rows = -(-len(samples) // ROW_STEP) * ROW_STEP
    ids = np.zeros((rows, length), dtype=np.int64)
    weights = np.zeros((rows, length), dtype=np.float32)
    for row, (row_ids, row_weights) in enumerate(samples):
        ids[row, : len(row_ids)] = row_ids
        weights[row, : len(row_weights)] = row_weights
    return torch.from_numpy(ids).to(device), torch.from_numpy(weights).to(device)
