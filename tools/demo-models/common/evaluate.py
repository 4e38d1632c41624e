"""Scores an exported checkpoint on a recipe's probes of one side, greedily, in float32."""

import json
import random
from collections import defaultdict
from pathlib import Path

import torch
from tokenizers import Tokenizer

from common.export import load_exported
from common.greedy import chosen_along, generate
from common.items import END, END_OF_TEXT, Probe
from common.model import CausalLM

SEED = 7
MAX_NEW = {"story": 100}
DEFAULT_NEW = 48


def parses_as(text: str, expected: str) -> bool:
    """True when both are the same JSON object, its keys in the same order."""
    try:
        return list(json.loads(text).items()) == list(json.loads(expected).items())
    except (ValueError, AttributeError):
        return False


def is_right(probe: Probe, text: str, ended: bool) -> bool:
    """Whether an answer is right; one that does not end by itself is wrong."""
    if not ended:
        return False
    if probe.rule == "exact":
        return text.strip().rstrip(".") == probe.expected.strip().rstrip(".")
    if probe.rule == "json":
        return parses_as(text, probe.expected)
    if probe.rule == "starts":
        return text.strip().startswith(probe.must[0])
    if probe.rule == "ends":
        return text.strip().rstrip(".").split(" ")[-1] == probe.expected.strip().rstrip(".").split(" ")[-1]
    if probe.rule == "story":
        return text.count(probe.must[0]) >= 2
    return all(part in text for part in probe.must)


@torch.no_grad()
def score_verdicts(model: CausalLM, tokenizer: Tokenizer, probes: list[Probe]) -> dict:
    """How far Yes and No can be taken as probabilities; the probes are questions answered so.

    brier is the mean of (p - truth)^2 with p = P(Yes) / (P(Yes) + P(No)), 0.25 for a coin; calibration_error the
    mean distance, in ten bins of p weighted by their size, between p and the share of true ones.
    """
    shares, truths = [], []
    for probe in probes:
        space = " " if probe.expected.startswith(" ") else ""
        pair = [tokenizer.encode(space + word).ids[0] for word in ("Yes", "No")]
        hidden = model.model(torch.tensor([tokenizer.encode(probe.prompt).ids]))[:, -1]
        shares.append(model.logits(hidden)[0, pair].softmax(dim=-1)[0])
        truths.append(float(probe.must[0] == "Yes"))
    p, truth = torch.stack(shares), torch.tensor(truths)
    bins = (p * 10).long().clamp(max=9)
    gaps = [(p[bins == b].sum() - truth[bins == b].sum()).abs() for b in range(10)]
    return {
        "questions": len(truths),
        "brier": round(((p - truth) ** 2).mean().item(), 4),
        "calibration_error": round((torch.stack(gaps).sum() / len(truths)).item(), 4),
    }


def evaluate(recipe, folder: Path, work: Path, split: str, threads: int, limit: int | None) -> None:
    """Prints the table, writes work/scores-<split>.json and the wrong answers to work/mistakes-<split>.jsonl."""
    torch.set_num_threads(threads)
    model, tokenizer = load_exported(folder)
    ends = {tokenizer.token_to_id(END), tokenizer.token_to_id(END_OF_TEXT)}
    by_skill: dict[str, list[Probe]] = defaultdict(list)
    every = recipe.probes(SEED, split)
    for probe in every:
        by_skill[probe.skill].append(probe)
    scores = {}
    with (work / f"mistakes-{split}.jsonl").open("w", encoding="utf-8") as mistakes:
        for skill, probes in sorted(by_skill.items()):
            if limit and len(probes) > limit:
                probes = random.Random(SEED).sample(probes, limit)
            prompts = [tokenizer.encode(probe.prompt).ids for probe in probes]
            expected = [tokenizer.encode(probe.expected).ids for probe in probes]
            # Most answers are word for word what is expected, and that is seen in one run.
            along = [chosen_along(model, *pair) for pair in zip(prompts, expected, strict=True)]
            known = [bool(e) and ids[:-1] == e and ids[-1] in ends for e, ids in zip(expected, along, strict=True)]
            # Calls have but one form; what the model writes else takes long to see, and is wrong.
            others = [i for i, (probe, found) in enumerate(zip(probes, known, strict=True)) if not found and probe.rule != "calls"]
            longest = max(MAX_NEW.get(probe.rule, DEFAULT_NEW) for probe in probes)
            answers = dict(zip(others, generate(model, [prompts[i] for i in others], ends, longest), strict=True))
            right = 0
            for i, probe in enumerate(probes):
                ids = answers.get(i, along[i])
                text = tokenizer.decode(ids, skip_special_tokens=probe.rule != "calls")
                if known[i] or (i in answers and is_right(probe, text, ids[-1] in ends)):
                    right += 1
                else:
                    row = {"skill": skill, "prompt": probe.prompt, "expected": probe.expected, "answer": text}
                    mistakes.write(json.dumps(row) + "\n")
            scores[skill] = {"right": right, "of": len(probes), "percent": round(100 * right / len(probes), 1)}
            print(f"{skill:52} {right:4} of {len(probes):4}  {scores[skill]['percent']:5.1f} %", flush=True)
    verdicts = score_verdicts(model, tokenizer, [probe for probe in every if probe.rule == "starts"])
    print(f"yes or no as probabilities: {verdicts}")
    document = {"skills": scores, "verdicts": verdicts}
    (work / f"scores-{split}.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
