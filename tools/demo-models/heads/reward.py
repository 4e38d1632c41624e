"""Rewards of conversations: a Qwen2ForSequenceClassification of one label, its first layers from the chat model."""

import json
import random
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import nn

from common.batches import padded
from common.export import model_config, note_run
from common.items import END, START
from common.loop import run
from common.model import Backbone, ModelConfig
from heads.encoder import Drawn, write_json
from recipes.reward_skills.verdict import Verdict

CHUNKS = 3


@dataclass(frozen=True)
class RewardConfig(ModelConfig):
    architecture = "Qwen2ForSequenceClassification"

    def from_dense(self, weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """The first layers of a deeper model, each with the strongest of its hidden units."""
        made = {name: weights[name] for name in Backbone(self).state_dict(prefix="model.")}
        for layer in range(self.num_hidden_layers):
            gate, up, down = (f"model.layers.{layer}.mlp.{name}_proj.weight" for name in ("gate", "up", "down"))
            strength = weights[gate].norm(dim=1) * weights[up].norm(dim=1) * weights[down].norm(dim=0)
            kept = strength.topk(self.intermediate_size).indices
            made |= {gate: weights[gate][kept], up: weights[up][kept], down: weights[down][:, kept]}
        return made


class RewardModel(nn.Module):
    def __init__(self, config: ModelConfig):
        super().__init__()
        self.model = Backbone(config)
        self.head = nn.Linear(config.hidden_size, 1, bias=False)
        nn.init.zeros_(self.head.weight)

    def rewards(self, ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """The score at the last token of each text."""
        order = lengths.argsort()
        found = []
        for rows in order.chunk(CHUNKS):
            hidden = self.model(ids[rows, : padded(int(lengths[rows].max()))])
            found.append(self.head(hidden[torch.arange(len(rows)), lengths[rows] - 1]))
        return torch.cat(found).squeeze(-1)[order.argsort()].float()

    def loss(self, batch: tuple) -> torch.Tensor:
        """The better answer above the worse, and, at half the weight, the one above 0 and the other below."""
        good, bad = self.rewards(*batch).chunk(2)
        alone = F.softplus(-good) + F.softplus(bad)
        return (F.softplus(bad - good) + 0.25 * alone).mean()


def text_of(asked: tuple[tuple[str, str], ...], answer: str) -> str:
    """A conversation in the form of the chat template."""
    return "".join(f"{START}{role}\n{text}{END}\n" for role, text in [*asked, ("assistant", answer)])


def batch_of(tokenizer: Tokenizer, texts: list[str]) -> tuple[tuple[torch.Tensor, torch.Tensor], int]:
    rows = [row.ids for row in tokenizer.encode_batch(texts)]
    lengths = torch.tensor([len(row) for row in rows])
    ids = torch.zeros(len(rows), padded(int(lengths.max())), dtype=torch.long)
    for at, row in enumerate(rows):
        ids[at, : len(row)] = torch.tensor(row)
    return (ids, lengths), int(lengths.sum())


def make_batch(recipe, tokenizer: Tokenizer, rng: random.Random) -> tuple[tuple, int]:
    made: list[Verdict] = [recipe.sample(rng) for _ in range(recipe.BATCH)]
    texts = [text_of(v.asked, answer) for answers in ("good", "bad") for v, answer in ((v, getattr(v, answers)) for v in made)]
    # Some clients leave the last line break out.
    return batch_of(tokenizer, texts if rng.random() < 0.85 else [text.rstrip("\n") for text in texts])


def tokenizer(args, recipe) -> None:
    """That of the base."""
    (args.work / "tokenizer").mkdir(parents=True, exist_ok=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(args.base / name, args.work / "tokenizer" / name)


def train(args, recipe) -> None:
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    made = Tokenizer.from_file(str(args.work / "tokenizer" / "tokenizer.json"))
    model = RewardModel(recipe.CONFIG)
    base = {name: tensor.float() for name, tensor in load_file(args.base / "model.safetensors").items()}
    model.load_state_dict(recipe.CONFIG.from_dense(base), strict=False)
    batches = Drawn(lambda rng: make_batch(recipe, made, rng), args.seed)
    run(model, model.loss, batches, args.work, steps=args.steps, learning_rate=args.rate, optimizer=args.optimizer, device=args.device)


def export(args, recipe) -> None:
    args.model.mkdir(parents=True, exist_ok=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(args.work / "tokenizer" / name, args.model / name)
    made = Tokenizer.from_file(str(args.model / "tokenizer.json"))
    state = torch.load(args.work / "checkpoint.pt", map_location="cpu", weights_only=True)
    weights = {name.replace("head.", "score."): tensor.to(torch.bfloat16).contiguous() for name, tensor in state["model"].items()}
    save_file(weights, args.model / "model.safetensors", metadata={"format": "pt"})
    (args.model / "model.safetensors").chmod(0o644)
    write_json(args.model / "config.json", {**model_config(recipe.CONFIG, made), "id2label": {"0": "reward"}, "label2id": {"reward": 0}})
    note_run(state, args.work, args.model)


def load(folder: Path):
    """The exported checkpoint as transformers reads it, in float32."""
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    return model.eval(), Tokenizer.from_file(str(folder / "tokenizer.json"))


@torch.no_grad()
def rewards_of(model, made: Tokenizer, texts: list[str]) -> list[float]:
    """Texts of one length at a time: nothing is padded."""
    rows = [row.ids for row in made.encode_batch(texts)]
    by_length: dict[int, list[int]] = {}
    for at, row in enumerate(rows):
        by_length.setdefault(len(row), []).append(at)
    found = [0.0] * len(rows)
    for chosen in by_length.values():
        for at, score in zip(chosen, model(torch.tensor([rows[i] for i in chosen])).logits[:, 0].tolist(), strict=True):
            found[at] = score
    return found


def evaluate(args, recipe) -> None:
    """How often the better answer has the higher reward, by kind of fault."""
    torch.set_num_threads(args.threads)
    model, made = load(args.model)
    scores = {}
    with (args.work / f"mistakes-{args.split}.jsonl").open("w", encoding="utf-8") as mistakes:
        for group, probes in recipe.probes(args.split).items():
            good, bad = (rewards_of(model, made, [text_of(v.asked, getattr(v, name)) for v in probes]) for name in ("good", "bad"))
            for probe, a, b in zip(probes, good, bad, strict=True):
                if a <= b:
                    row = {"group": group, "asked": probe.asked, "good": probe.good, "bad": probe.bad, "rewards": [a, b]}
                    mistakes.write(json.dumps(row) + "\n")
            right = sum(a > b for a, b in zip(good, bad, strict=True))
            scores[group] = {"right": right, "of": len(probes), "percent": round(100 * right / len(probes), 1)}
            print(f"{group:60} {right:4} of {len(probes):4}  {scores[group]['percent']:5.1f} %", flush=True)
    write_json(args.work / f"scores-{args.split}.json", {"skills": scores, "verdicts": {}})


def golden(args, recipe) -> None:
    import transformers

    model, made = load(args.model)
    cases = []
    for messages in recipe.GOLDEN:
        *asked, (_, answer) = messages
        prompt = text_of(tuple(asked), answer)
        said = [{"role": role, "content": text} for role, text in messages]
        cases.append({"messages": said, "prompt": prompt, "input_ids": made.encode(prompt).ids, "reward": round(rewards_of(model, made, [prompt])[0], 6)})
    note = (
        f"Rewards computed with PyTorch and transformers ({RewardConfig.architecture}) in float32 from the bfloat16 weights of models/{recipe.NAME}. "
        "Made by `python main.py golden` in tools/demo-models."
    )
    write_json(args.golden, {"note": note, "made_with": {"torch": torch.__version__, "transformers": transformers.__version__}, "cases": cases})
