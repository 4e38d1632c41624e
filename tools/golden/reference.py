"""What PyTorch says of a checkpoint: prompt log-probabilities and a greedy continuation, in fp32.

A developer's tool, with Python 3.11, torch 2.13, transformers 5.23 and safetensors; the project itself needs none of them.
"""

import json
from pathlib import Path

import torch
import transformers
from transformers import AutoModelForCausalLM

# A greedy choice closer than this might fall the other way in another implementation; a log-probability difference.
MIN_GAP = 5e-3

HOW = f"PyTorch {torch.__version__.split('+')[0]}, transformers {transformers.__version__}, float32, eager attention, greedy"


class Ambiguous(Exception):
    """The checkpoint would make a poor witness: choose another seed, scale or prompt."""


def load(folder):
    """The checkpoint as a model that computes in fp32 on one thread."""
    torch.set_num_threads(1)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    return model.eval()


@torch.no_grad()
def logprobs(model, ids):
    """Log-probabilities of the next token after each position, from one forward pass without a cache."""
    logits = model(torch.tensor([ids]), use_cache=False).logits[0]
    return torch.log_softmax(logits.double(), dim=-1)


def golden_case(model, prompt, input_ids, count):
    """One case of a golden file; end-of-sequence tokens do not stop it."""
    ids = list(input_ids)
    rows = logprobs(model, ids)
    prompt_logprobs = [None] + [rows[at - 1, ids[at]].item() for at in range(1, len(ids))]
    greedy_logprobs, gap = [], float("inf")
    for _ in range(count):
        best = torch.topk(rows[-1], 2)
        greedy_logprobs.append(best.values[0].item())
        gap = min(gap, (best.values[0] - best.values[1]).item())
        ids.append(best.indices[0].item())
        rows = logprobs(model, ids)
    greedy = ids[len(input_ids) :]
    if gap < MIN_GAP:
        raise Ambiguous(f"two candidates are only {gap:.6f} apart")
    if len(set(greedy)) <= count // 4:
        raise Ambiguous(f"only {len(set(greedy))} different tokens")
    case = {} if prompt is None else {"prompt": prompt}
    return case | {
        "input_ids": list(input_ids),
        "input_token_logprobs": rounded(prompt_logprobs),
        "greedy_ids": greedy,
        "greedy_logprobs": rounded(greedy_logprobs),
    }


def rounded(values):
    return [None if value is None else round(value, 6) for value in values]


def write(file, name, cases):
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    Path(file).write_text(json.dumps({"model": name, "how": HOW, "cases": cases}) + "\n")
