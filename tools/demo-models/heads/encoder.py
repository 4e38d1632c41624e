"""What the BERT models share: sizes, first weights, texts as padded ids, and the files of a checkpoint."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import nn
from transformers import BertConfig

from common.batches import padded
from common.export import note_run


class Drawn:
    """Batches made as they are needed; the step number and the seed decide what is in them."""

    def __init__(self, make: Callable[[random.Random], tuple[object, int]], seed: int):
        self.make, self.seed, self.drawn = make, seed, 0

    def restore(self, state: dict) -> None:
        self.drawn = state["drawn"]

    def state(self) -> dict:
        return {"drawn": self.drawn}

    def next(self) -> tuple[object, int]:
        self.drawn += 1
        return self.make(random.Random(f"{self.seed}/{self.drawn}"))


def start(model: nn.Module, seed: int) -> None:
    """First weights. Positions begin as zeros, so that those which training never reaches do no harm."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        with torch.no_grad():
            if "position_embeddings" in name:
                parameter.zero_()
            elif parameter.dim() == 2:
                parameter.normal_(0.0, 0.02 if "embed" in name else parameter.shape[1] ** -0.5, generator=generator)


def batch_of(tokenizer: Tokenizer, texts: list, longest: int) -> tuple[dict[str, torch.Tensor], int]:
    """Texts, or pairs of texts, as the inputs of a BertModel, cut after `longest` tokens; and their number of tokens."""
    rows = tokenizer.encode_batch(texts)
    length = padded(min(longest, max(len(row.ids) for row in rows)))
    names = {"input_ids": "ids", "token_type_ids": "type_ids", "attention_mask": "attention_mask"}
    made = {name: torch.zeros(len(rows), length, dtype=torch.long) for name in names}
    for at, row in enumerate(rows):
        for name, field in names.items():
            values = getattr(row, field)[:length]
            made[name][at, : len(values)] = torch.tensor(values)
    return made, int(made["attention_mask"].sum())


def save_encoder(model: nn.Module, config: BertConfig, architecture: str, work: Path, folder: Path) -> None:
    """config.json, the weights in bfloat16, the tokenizer and the picture of the loss."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(work / "tokenizer" / name, folder / name)
    weights = {name: tensor.to(torch.bfloat16).contiguous() for name, tensor in model.state_dict().items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)
    stated = {"architectures": [architecture], **config.to_diff_dict(), "torch_dtype": "bfloat16"}
    stated.pop("transformers_version", None)
    stated.pop("dtype", None)
    (folder / "config.json").write_text(json.dumps(stated, indent=2) + "\n", encoding="utf-8")
    note_run(torch.load(work / "checkpoint.pt", map_location="cpu", weights_only=True), work, folder)


def write_json(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
