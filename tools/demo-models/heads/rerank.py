"""Scores of documents for a query: a BertForSequenceClassification of one label that reads both, started from the vectors' model."""

import json
import random
import shutil
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import nn
from transformers import BertConfig, BertForSequenceClassification

from common.batches import padded
from common.loop import run
from heads.encoder import Drawn, batch_of, save_encoder, start, write_json

CHUNKS = 3


class PairModel(nn.Module):
    """The parts of a BertForSequenceClassification, the one that gives the score under the name of a head."""

    def __init__(self, config: BertConfig, seed: int):
        super().__init__()
        made = BertForSequenceClassification(config)
        made.set_attn_implementation("eager")
        start(made, seed)
        self.bert, self.head = made.bert, made.classifier

    def scores(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """One score for each pair; above 0 where the document answers the query."""
        lengths = inputs["attention_mask"].sum(dim=1)
        order = lengths.argsort()
        found = []
        for rows in order.chunk(CHUNKS):
            width = padded(int(lengths[rows].max()))
            found.append(self.head(self.bert(**{name: tensor[rows, :width] for name, tensor in inputs.items()}).pooler_output))
        return torch.cat(found).squeeze(-1)[order.argsort()].float()

    def loss(self, batch: tuple) -> torch.Tensor:
        """The answer before the others of its query, and each score a probability for itself."""
        inputs, count = batch
        scores = self.scores(inputs).view(-1, count)
        answers = torch.zeros_like(scores)
        answers[:, 0] = 1.0
        alone = F.binary_cross_entropy_with_logits(scores, answers, pos_weight=torch.tensor(float(count - 1)))
        return F.cross_entropy(scores, torch.zeros(len(scores), dtype=torch.long)) + alone

    def exported(self) -> nn.Module:
        return nn.ModuleDict({"bert": self.bert, "classifier": self.head})


def make_batch(recipe, tokenizer: Tokenizer, rng: random.Random) -> tuple[tuple, int]:
    made = [recipe.sample(rng) for _ in range(recipe.BATCH)]
    inputs, tokens = batch_of(tokenizer, [(s.query, text) for s in made for text in (s.right, *s.wrong)], recipe.LONGEST)
    return (inputs, 1 + len(made[0].wrong)), tokens


def tokenizer(args, recipe) -> None:
    """That of the base."""
    (args.work / "tokenizer").mkdir(parents=True, exist_ok=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(args.base / name, args.work / "tokenizer" / name)


def train(args, recipe) -> None:
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    made = Tokenizer.from_file(str(args.work / "tokenizer" / "tokenizer.json"))
    model = PairModel(recipe.CONFIG, args.seed)
    model.bert.load_state_dict({name: tensor.float() for name, tensor in load_file(args.base / "model.safetensors").items()}, strict=False)
    batches = Drawn(lambda rng: make_batch(recipe, made, rng), args.seed)
    run(model, model.loss, batches, args.work, steps=args.steps, learning_rate=args.rate, optimizer=args.optimizer, device=args.device)


def export(args, recipe) -> None:
    model = PairModel(recipe.CONFIG, args.seed)
    model.load_state_dict(torch.load(args.work / "checkpoint.pt", map_location="cpu", weights_only=True)["model"])
    save_encoder(model.exported(), recipe.CONFIG, "BertForSequenceClassification", args.work, args.model)


def load(folder: Path) -> tuple[BertForSequenceClassification, Tokenizer]:
    """The exported checkpoint as transformers reads it, in float32."""
    model = BertForSequenceClassification.from_pretrained(folder, dtype=torch.float32)
    return model.eval(), Tokenizer.from_file(str(folder / "tokenizer.json"))


@torch.no_grad()
def scores_of(model: BertForSequenceClassification, made: Tokenizer, pairs: list[tuple[str, str]]) -> list[float]:
    longest = model.config.max_position_embeddings
    return [score for at in range(0, len(pairs), 128) for score in model(**batch_of(made, pairs[at : at + 128], longest)[0]).logits[:, 0].tolist()]


def evaluate(args, recipe) -> None:
    """Of each group: how often the answer comes before all the others, and before each single one."""
    torch.set_num_threads(args.threads)
    model, made = load(args.model)
    scores = {}
    with (args.work / f"mistakes-{args.split}.jsonl").open("w", encoding="utf-8") as mistakes:
        for group, probes in recipe.probes(args.split).items():
            found = iter(scores_of(model, made, [(s.query, text) for s in probes for text in (s.right, *s.wrong)]))
            first = pairs = of = 0
            for probe in probes:
                right, *wrong = (next(found) for _ in range(1 + len(probe.wrong)))
                first += all(right > other for other in wrong)
                pairs += sum(right > other for other in wrong)
                of += len(wrong)
                if not all(right > other for other in wrong):
                    mistakes.write(json.dumps({"group": group, "query": probe.query, "documents": [probe.right, *probe.wrong], "scores": [right, *wrong]}) + "\n")
            for name, count, total in ((f"{group}: first of {1 + len(probes[0].wrong)}", first, len(probes)), (f"{group}: pairs in order", pairs, of)):
                scores[name] = {"right": count, "of": total, "percent": round(100 * count / total, 1)}
                print(f"{name:60} {count:4} of {total:4}  {scores[name]['percent']:5.1f} %", flush=True)
    write_json(args.work / f"scores-{args.split}.json", {"skills": scores, "verdicts": {}})


def golden(args, recipe) -> None:
    import transformers

    model, made = load(args.model)
    cases = []
    for query, document in recipe.GOLDEN:
        row = made.encode(query, document)
        [score] = scores_of(model, made, [(query, document)])
        cases.append({"query": query, "document": document, "input_ids": row.ids, "token_type_ids": row.type_ids, "logit": round(score, 6)})
    note = (
        f"Logits computed with PyTorch and transformers (BertForSequenceClassification) in float32 from the bfloat16 weights of models/{recipe.NAME}. "
        "Made by `python main.py golden` in tools/demo-models."
    )
    write_json(args.golden, {"note": note, "made_with": {"torch": torch.__version__, "transformers": transformers.__version__}, "cases": cases})
