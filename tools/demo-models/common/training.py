"""The training loop: resumable at any time, polite to the machine, its loss written down as it goes."""

import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import torch

from common.batches import collate, plan
from common.model import CausalLM, ModelConfig
from common.muon import Muon

CHECKPOINT_SECONDS = 120
WARMUP_STEPS = 100
DECAY_SHARE = 0.85
# Muon's steps are larger than AdamW's at the same loss.
MUON_SCALE = 2.0


def rate(step: int, steps: int) -> float:
    """Share of the peak learning rate: a short warm-up, a plateau, then a straight line down to almost nothing."""
    if step < WARMUP_STEPS:
        return (step + 1) / WARMUP_STEPS
    left = (steps - step) / (DECAY_SHARE * steps)
    return max(0.01, min(1.0, left))


def make_optimizers(model: CausalLM, kind: str, learning_rate: float) -> list[torch.optim.Optimizer]:
    """AdamW for everything, or Muon for the matrices of the layers and AdamW for the rest."""
    matrices = [p for n, p in model.named_parameters() if p.dim() == 2 and "embed" not in n]
    embedding = [p for n, p in model.named_parameters() if "embed" in n]
    vectors = [p for n, p in model.named_parameters() if p.dim() < 2]
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


def train(
    config: ModelConfig,
    samples: list[tuple[np.ndarray, np.ndarray]],
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
    """Trains from folder/checkpoint.pt, or else from the weights `first`, or anew, up to `steps`; the loss goes to folder/log.jsonl.

    SIGTERM and SIGINT end the run after the current step with a checkpoint written. `steps` may differ from run
    to run: the schedule follows the new number.
    """
    torch.manual_seed(seed)
    model = CausalLM(config, seed).to(device)
    if first:
        model.load_state_dict(first)
    optimizers = make_optimizers(model, optimizer, learning_rate)
    checkpoint = folder / "checkpoint.pt"
    step, epoch, index, tokens, seconds = 0, 0, 0, 0, 0.0
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        model.load_state_dict(state["model"])
        if state.get("optimizer", "adamw") == optimizer:
            for each, saved in zip(optimizers, state["optimizers"], strict=True):
                each.load_state_dict(saved)
        step, epoch, index, tokens, seconds = (state[k] for k in ("step", "epoch", "index", "tokens", "seconds"))
    print(f"parameters {sum(p.numel() for p in model.parameters()):,}; from step {step} to {steps}", flush=True)

    stopping = False

    def stop(*_) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)

    if compiled:
        model.model.compile(dynamic=True)
    lengths = [len(ids) for ids, _ in samples]
    batches = plan(lengths, tokens_per_batch, seed, epoch)
    last_saved = time.monotonic()
    total, counted = 0.0, 0
    while step < steps and not stopping:
        if index >= len(batches):
            epoch, index = epoch + 1, 0
            batches = plan(lengths, tokens_per_batch, seed, epoch)
        begun = time.monotonic()
        share = rate(step, steps)
        for each in optimizers:
            for group in each.param_groups:
                group["lr"] = learning_rate * share * group.get("scale", 1.0)
        ids, weights = collate([samples[i] for i in batches[index]], torch.device(device))
        with torch.autocast(device, torch.bfloat16):
            loss = model.loss(ids, weights)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for each in optimizers:
            each.step()
            each.zero_grad()
        step, index = step + 1, index + 1
        tokens += int(sum(lengths[i] for i in batches[index - 1]))
        total, counted = total + loss.item(), counted + 1
        # A run that was paused in the middle of a step did not compute for all that time.
        seconds += min(time.monotonic() - begun, 30.0)
        if step % 20 == 0 or step == steps or stopping:
            row = {"step": step, "epoch": epoch, "tokens": tokens, "loss": round(total / counted, 4),
                   "rate": round(learning_rate * share, 6), "seconds": round(seconds, 1)}  # fmt: skip
            with (folder / "log.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps(row) + "\n")
            print(json.dumps(row), flush=True)
            total, counted = 0.0, 0
        if stopping or step == steps or time.monotonic() - last_saved > CHECKPOINT_SECONDS:
            save_checkpoint(checkpoint, {
                "model": model.state_dict(), "optimizers": [each.state_dict() for each in optimizers], "step": step,
                "optimizer": optimizer, "epoch": epoch, "index": index, "tokens": tokens, "seconds": seconds,
            })  # fmt: skip
            last_saved = time.monotonic()
