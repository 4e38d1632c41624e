"""The loss of a run as a small picture."""

import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402


def draw(log: Path, picture: Path, last_step: int) -> None:
    """Reads log.jsonl up to `last_step`; where a run was resumed, the later row of a step counts."""
    rows = {row["step"]: row for row in map(json.loads, log.read_text(encoding="utf-8").splitlines())}
    steps = sorted(step for step in rows if step <= last_step)
    figure, axes = plt.subplots(figsize=(6, 3), dpi=80)
    axes.plot(steps, [rows[step]["loss"] for step in steps], linewidth=1, color="#1f5fa8")
    axes.set_yscale("log")
    axes.set_xlabel("step")
    axes.set_ylabel("loss (nats per learnt token)")
    axes.grid(True, which="both", linewidth=0.3)
    figure.tight_layout()
    figure.savefig(picture, metadata={"Software": None})
    plt.close(figure)
