"""Greedy decoding of many prompts at once, without a cache: slow, short and easy to trust."""

import torch

from common.model import CausalLM


@torch.no_grad()
def generate(model: CausalLM, prompts: list[list[int]], ends: set[int], max_new: int, batch: int = 128) -> list[list[int]]:
    """The new ids of each prompt, the end token included where one was reached within `max_new`."""
    results: list[list[int]] = [[] for _ in prompts]
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    for start in range(0, len(order), batch):
        active = order[start : start + batch]
        for _ in range(max_new):
            rows = [prompts[index] + results[index] for index in active]
            width = max(map(len, rows))
            ids = torch.tensor([row + [0] * (width - len(row)) for row in rows])
            last = torch.tensor([len(row) - 1 for row in rows])
            hidden = model.model(ids)[torch.arange(len(rows)), last]
            chosen = model.logits(hidden).argmax(dim=-1).tolist()
            for index, token in zip(active, chosen, strict=True):
                results[index].append(token)
            active = [index for index in active if results[index][-1] not in ends]
            if not active:
                break
    return results


@torch.no_grad()
def chosen_along(model: CausalLM, prompt: list[int], answer: list[int]) -> list[int]:
    """What greedy decoding would write next at each place of an answer, its end included: the answer and an end, where it writes just
    that. One run tells, where decoding takes one for each token."""
    hidden = model.model(torch.tensor([prompt + answer]))[0, len(prompt) - 1 :]
    return model.logits(hidden).argmax(dim=-1).tolist()
