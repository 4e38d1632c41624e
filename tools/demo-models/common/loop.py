"""The training loop: resumable at any time, polite to the machine, its loss written down as it goes."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import torch
from torch import nn

from common.muon import Muon

CHECKPOINT_SECONDS = 120
WARMUP_STEPS = 100
DECAY_SHARE = 0.85
# Muon's steps are larger than AdamW's at the same loss.
MUON_SCALE = 2.0


class Batches(Protocol):
    """Where a run takes its batches from. `state` says how far it is, in plain values that `restore` takes."""

    def next(self) -> tuple[object, int]:
        """A batch, as the model's loss takes it, and its number of tokens."""

    def state(self) -> dict: ...

    def restore(self, state: dict) -> None: ...


def rate(step: int, steps: int) -> float:
    """Share of the peak learning rate: a short warm-up, a plateau, then a straight line down to almost nothing."""
    if step < WARMUP_STEPS:
        return (step + 1) / WARMUP_STEPS
    left = (steps - step) / (DECAY_SHARE * steps)
    return max(0.01, min(1.0, left))


def make_optimizers(model: nn.Module, kind: str, learning_rate: float) -> list[torch.optim.Optimizer]:
    """AdamW for everything, or Muon for the matrices of the layers and AdamW for the rest, the head of a score included."""
    named = list(model.named_parameters())
    matrices = [p for n, p in named if p.dim() == 2 and "embed" not in n and "head" not in n]
    embedding = [p for n, p in named if p.dim() == 2 and ("embed" in n or "head" in n)]
    vectors = [p for _, p in named if p.dim() < 2]
    groups = [{"params": embedding, "weight_decay": 0.0}, {"params": vectors, "weight_decay": 0.0}]
    if kind == "muon":
        muon = Muon([{"params": matrices, "scale": MUON_SCALE}], lr=learning_rate, weight_decay=0.02)
        return [muon, torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.98), fused=True)]
    groups.append({"params": matrices, "weight_decay": 0.05})
    return [torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.98), fused=True)]


def save_checkpoint(path: Path, state: dict) -> None:
    """Writes beside the old checkpoint, then takes its place, so that one is always whole."""
    fresh = path.with_suffix(".new")
    torch.save(state, fresh)
    os.replace(fresh, path)


def run(
    model: nn.Module,
    loss_of: Callable[[object], torch.Tensor],
    batches: Batches,
    folder: Path,
    *,
    steps: int,
    learning_rate: float,
    optimizer: str,
    device: str,
) -> None:
    """Trains `model` from folder/checkpoint.pt, or else as it is, up to `steps`; the loss goes to folder/log.jsonl.

    SIGTERM and SIGINT end the run after the current step with a checkpoint written. `steps` may differ from run
    to run: the schedule follows the new number.
    """
    optimizers = make_optimizers(model, optimizer, learning_rate)
    checkpoint = folder / "checkpoint.pt"
    step, tokens, seconds = 0, 0, 0.0
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        model.load_state_dict(state["model"])
        if state.get("optimizer", "adamw") == optimizer:
            for each, saved in zip(optimizers, state["optimizers"], strict=True):
                each.load_state_dict(saved)
        step, tokens, seconds = (state[k] for k in ("step", "tokens", "seconds"))
        batches.restore(state)
    print(f"parameters {sum(p.numel() for p in model.parameters()):,}; from step {step} to {steps}", flush=True)

    stopping = False

    def stop(*_) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)

    last_saved = time.monotonic()
    total, counted = 0.0, 0
    while step < steps and not stopping:
        begun = time.monotonic()
        share = rate(step, steps)
        for each in optimizers:
            for group in each.param_groups:
                group["lr"] = learning_rate * share * group.get("scale", 1.0)
        batch, size = batches.next()
        with torch.autocast(device, torch.bfloat16):
            loss = loss_of(batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for each in optimizers:
            each.step()
            each.zero_grad()
        step += 1
        tokens += size
        total, counted = total + loss.item(), counted + 1
        # A run that was paused in the middle of a step did not compute for all that time.
        seconds += min(time.monotonic() - begun, 30.0)
        if step % 20 == 0 or step == steps or stopping:
            row = {"step": step, **batches.state(), "tokens": tokens, "loss": round(total / counted, 4),
                   "rate": round(learning_rate * share, 6), "seconds": round(seconds, 1)}  # fmt: skip
            with (folder / "log.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps(row) + "\n")
            print(json.dumps(row), flush=True)
            total, counted = 0.0, 0
        if stopping or step == steps or time.monotonic() - last_saved > CHECKPOINT_SECONDS:
            save_checkpoint(checkpoint, {
                "model": model.state_dict(), "optimizers": [each.state_dict() for each in optimizers], "step": step,
                "optimizer": optimizer, "tokens": tokens, "seconds": seconds, **batches.state(),
            })  # fmt: skip
            last_saved = time.monotonic()
