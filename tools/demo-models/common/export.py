"""Writes a checkpoint in the layout of Hugging Face, weights in bfloat16."""

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from common.items import END, END_OF_TEXT
from common.loss_curve import draw
from common.model import CausalLM, ModelConfig
from common.moe import MoeConfig


def model_config(config: ModelConfig, tokenizer: Tokenizer) -> dict:
    """config.json of a Qwen2 decoder, dense or of experts, with tied embeddings."""
    return {
        "architectures": [config.architecture],
        "model_type": config.model_type,
        **config.to_dict(),
        "hidden_act": "silu",
        "attention_dropout": 0.0,
        "initializer_range": 0.02,
        "use_sliding_window": False,
        "tie_word_embeddings": True,
        "use_cache": True,
        "bos_token_id": None,
        "eos_token_id": tokenizer.token_to_id(END),
        "pad_token_id": tokenizer.token_to_id(END_OF_TEXT),
        "torch_dtype": "bfloat16",
    }


def export(recipe, work: Path, folder: Path, seed: int) -> None:
    """Turns work/checkpoint.pt, whichever step it is from, into the files of models/<name>."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(work / "tokenizer" / name, folder / name)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    state = torch.load(work / "checkpoint.pt", map_location="cpu", weights_only=True)
    model = recipe.CONFIG.build(seed)
    model.load_state_dict(state["model"])
    weights = {name: tensor.to(torch.bfloat16).contiguous() for name, tensor in model.exported().items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)
    ends = [tokenizer.token_to_id(END), tokenizer.token_to_id(END_OF_TEXT)]
    generation = {"do_sample": False, "eos_token_id": ends, "pad_token_id": ends[1]}
    for name, content in (
        ("config.json", model_config(recipe.CONFIG, tokenizer)),
        ("generation_config.json", generation),
    ):
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    note_run(state, work, folder)


def note_run(state: dict, work: Path, folder: Path) -> None:
    """Keeps for the card how long the run was, and puts the picture of its loss into the folder."""
    run = {"step": state["step"], "tokens": state["tokens"], "seconds": round(state["seconds"])}
    (work / "exported.json").write_text(json.dumps(run) + "\n", encoding="utf-8")
    draw(work / "log.jsonl", folder / "loss.png", state["step"])
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"step {state['step']}, {size / 1e6:.2f} MB in {folder}")


def load_exported(folder: Path) -> tuple[CausalLM, Tokenizer]:
    """The exported checkpoint in the tools' own model, upcast to float32."""
    raw = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    kind = next(kind for kind in (ModelConfig, MoeConfig) if kind.architecture in raw["architectures"])
    model = kind(**{name: raw[name] for name in kind.__dataclass_fields__}).build(0)
    model.load_exported({name: tensor.float() for name, tensor in load_file(folder / "model.safetensors").items()})
    return model.eval(), Tokenizer.from_file(str(folder / "tokenizer.json"))
