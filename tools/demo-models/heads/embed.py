"""Vectors of sentences: a BertModel whose mean over a text's tokens is the text's vector, trained on pairs that mean the same."""

import json
import random
from pathlib import Path

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import nn
from transformers import BertConfig, BertModel

from common.batches import padded
from common.loop import run
from common.wordpiece import save_wordpiece, train_wordpiece
from heads.encoder import Drawn, batch_of, save_encoder, start, write_json

TEMPERATURE = 0.05
CHUNKS = 4
# Share of a pair's answer that goes to texts of its topic.
TOPIC_SHARE = 0.1
MODULES = [("0", "", "Transformer"), ("1", "1_Pooling", "Pooling"), ("2", "2_Normalize", "Normalize")]


class SentenceModel(nn.Module):
    def __init__(self, config: BertConfig, seed: int):
        super().__init__()
        self.bert = BertModel(config, add_pooling_layer=False)
        # On a CPU, for rows this short, the fused operator takes twice the time.
        self.bert.set_attn_implementation("eager")
        start(self.bert, seed)

    def vectors(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """[texts, hidden_size], each of length 1. Texts of similar length are computed together."""
        lengths = inputs["attention_mask"].sum(dim=1)
        order = lengths.argsort()
        found = []
        for rows in order.chunk(CHUNKS):
            width = padded(int(lengths[rows].max()))
            part = {name: tensor[rows, :width] for name, tensor in inputs.items()}
            mask = part["attention_mask"].unsqueeze(-1)
            hidden = self.bert(**part).last_hidden_state.float()
            found.append((hidden * mask).sum(dim=1) / mask.sum(dim=1))
        return F.normalize(torch.cat(found)[order.argsort()], dim=-1)

    def loss(self, batch: tuple) -> torch.Tensor:
        """Each text is to find its partner among all partners and wrong ones of the batch, in both directions."""
        inputs, same, near = batch
        count = same.shape[0]
        one, rest = self.vectors(inputs).split([count, 2 * count])
        forward = one @ rest.T / TEMPERATURE
        # Another pair of the same meaning is no mistake.
        forward = forward.masked_fill(F.pad(same, (0, count)), float("-inf"))
        backward = (rest[:count] @ one.T / TEMPERATURE).masked_fill(same.T, float("-inf"))
        return (choice_loss(forward, F.pad(near, (0, count))) + choice_loss(backward, near.T)) / 2


def choice_loss(logits: torch.Tensor, near: torch.Tensor) -> torch.Tensor:
    """Cross entropy of the partner (the diagonal), of which a share is spread over the texts of the same topic."""
    logs = logits.log_softmax(dim=-1)
    right = logs.diagonal()
    allowed = near & logits.isfinite()
    spread = logs.masked_fill(~allowed, 0.0).sum(dim=-1) / allowed.sum(dim=-1).clamp(min=1)
    share = TOPIC_SHARE * allowed.any(dim=-1)
    return -((1 - share) * right + share * spread).mean()


def make_batch(recipe, tokenizer: Tokenizer, rng: random.Random) -> tuple[tuple, int]:
    pairs = [recipe.sample(rng) for _ in range(recipe.BATCH)]
    inputs, tokens = batch_of(tokenizer, [text for name in ("one", "other", "wrong") for text in (getattr(p, name) for p in pairs)], recipe.LONGEST)
    same, near = (equal([getattr(p, name) for p in pairs]) for name in ("meaning", "topic"))
    others = ~torch.eye(len(pairs), dtype=torch.bool)
    return (inputs, same & others, near & others), tokens


def equal(texts: list[str]) -> torch.Tensor:
    """[texts, texts], true where two are the same."""
    numbers = torch.tensor([texts.index(text) for text in texts])
    return numbers[:, None] == numbers[None, :]


def tokenizer(args, recipe) -> None:
    rng = random.Random(args.seed)
    pairs = [recipe.sample(rng) for _ in range(40_000)]
    made = train_wordpiece([text for p in pairs for text in (p.one, p.other)], recipe.CONFIG.vocab_size)
    save_wordpiece(made, args.work / "tokenizer", recipe.CONFIG.max_position_embeddings)
    print(f"{made.get_vocab_size()} tokens")


def train(args, recipe) -> None:
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    made = Tokenizer.from_file(str(args.work / "tokenizer" / "tokenizer.json"))
    model = SentenceModel(recipe.CONFIG, args.seed)
    batches = Drawn(lambda rng: make_batch(recipe, made, rng), args.seed)
    run(model, model.loss, batches, args.work, steps=args.steps, learning_rate=args.rate, optimizer=args.optimizer, device=args.device)


def export(args, recipe) -> None:
    model = SentenceModel(recipe.CONFIG, args.seed)
    model.load_state_dict(torch.load(args.work / "checkpoint.pt", map_location="cpu", weights_only=True)["model"])
    write_json(args.model / "modules.json", [
        {"idx": int(name), "name": name, "path": path, "type": f"sentence_transformers.models.{kind}"} for name, path, kind in MODULES
    ])  # fmt: skip
    pooling = {"word_embedding_dimension": recipe.CONFIG.hidden_size, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True,
               "pooling_mode_max_tokens": False, "pooling_mode_mean_sqrt_len_tokens": False}  # fmt: skip
    write_json(args.model / "1_Pooling" / "config.json", pooling)
    write_json(args.model / "sentence_bert_config.json", {"max_seq_length": recipe.CONFIG.max_position_embeddings, "do_lower_case": False})
    save_encoder(model.bert, recipe.CONFIG, "BertModel", args.work, args.model)


def load(folder: Path) -> tuple[SentenceModel, Tokenizer]:
    """The exported checkpoint as transformers reads it, in float32."""
    bert = BertModel.from_pretrained(folder, dtype=torch.float32, add_pooling_layer=False)
    model = SentenceModel(bert.config, 0)
    model.bert.load_state_dict(bert.state_dict())
    return model.eval(), Tokenizer.from_file(str(folder / "tokenizer.json"))


@torch.no_grad()
def vectors_of(model: SentenceModel, made: Tokenizer, texts: list[str]) -> torch.Tensor:
    longest = model.bert.config.max_position_embeddings
    return torch.cat([model.vectors(batch_of(made, texts[at : at + 128], longest)[0]) for at in range(0, len(texts), 128)])


def evaluate(args, recipe) -> None:
    """Of each group: how often a text is nearer to its partner than to an unrelated text, and than to the wrong one in the same words.
    Writes scores and mistakes as for the models that generate text."""
    torch.set_num_threads(args.threads)
    model, made = load(args.model)
    scores = {}
    with (args.work / f"mistakes-{args.split}.jsonl").open("w", encoding="utf-8") as mistakes:
        for group, probes in recipe.probes(args.split).items():
            one, near, far = (vectors_of(model, made, [probe[at] for probe in probes]) for at in range(3))
            right = ((one * near).sum(dim=1) > (one * far).sum(dim=1)).tolist()
            for probe in (probe for probe, is_right in zip(probes, right, strict=True) if not is_right):
                mistakes.write(json.dumps({"group": group, "texts": probe}) + "\n")
            scores[group] = {"right": sum(right), "of": len(right), "percent": round(100 * sum(right) / len(right), 1)}
            print(f"{group:60} {sum(right):4} of {len(right):4}  {scores[group]['percent']:5.1f} %", flush=True)
    write_json(args.work / f"scores-{args.split}.json", {"skills": scores, "verdicts": {}})


def golden(args, recipe) -> None:
    import tokenizers
    import transformers

    model, made = load(args.model)
    cases = [
        {"text": text, "input_ids": made.encode(text).ids, "vector": [round(value, 6) for value in vectors_of(model, made, [text])[0].tolist()]}
        for text in recipe.GOLDEN
    ]
    note = (
        f"Sentence vectors computed with PyTorch and transformers (BertModel, mean pooling, length 1) in float32 from the bfloat16 weights of "
        f"models/{recipe.NAME}. Made by `python main.py golden` in tools/demo-models."
    )
    versions = {"torch": torch.__version__, "transformers": transformers.__version__, "tokenizers": tokenizers.__version__}
    write_json(args.golden, {"note": note, "made_with": versions, "cases": cases})
