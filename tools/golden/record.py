"""Makes the tiny random checkpoints of test/model/checkpoints, one for each thing a decoder can do differently, and records
what PyTorch says of them in each one's golden.json.

    python tools/golden/record.py [name ...] && npx prettier --write test/model

Deterministic: a checkpoint's weights come from the first seed whose greedy output is unambiguous (see reference.py).
"""

import itertools
import json
import math
import shutil
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, LlamaConfig, MistralConfig, Qwen2Config, Qwen3Config

import reference

FOLDER = Path(__file__).resolve().parents[2] / "test/model/checkpoints"
PROMPT_LENGTHS = [7, 70, 150]
GREEDY_TOKENS = 24

SHAPE = dict(
    vocab_size=256,
    hidden_size=32,
    intermediate_size=64,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=16,
    max_position_embeddings=512,
    bos_token_id=1,
    eos_token_id=2,
)
LLAMA3_ROPE = dict(
    rope_type="llama3",
    rope_theta=10000.0,
    factor=8.0,
    low_freq_factor=1.0,
    high_freq_factor=4.0,
    original_max_position_embeddings=64,
)
LINEAR_ROPE = dict(rope_type="linear", rope_theta=10000.0, factor=4.0)
PLAIN_ROPE = dict(rope_type="default", rope_theta=10000.0)

# name: config, settings that take its special feature away (the golden values must notice), type of the weights, and
# the size of a shard.
CHECKPOINTS = {
    "llama-llama3-rope": dict(config=LlamaConfig(**SHAPE, rope_parameters=LLAMA3_ROPE), without=dict(rope_parameters=PLAIN_ROPE)),
    "llama-linear-rope": dict(
        config=LlamaConfig(**SHAPE | dict(max_position_embeddings=128), rope_parameters=LINEAR_ROPE),
        without=dict(rope_parameters=PLAIN_ROPE),
        old_style=True,
    ),
    "llama-head-dim-8": dict(config=LlamaConfig(**SHAPE | dict(head_dim=8), tie_word_embeddings=True)),
    "llama-fp16-biases": dict(config=LlamaConfig(**SHAPE, attention_bias=True, mlp_bias=True), dtype=torch.float16),
    "llama-sharded": dict(config=LlamaConfig(**SHAPE), shard="24KB"),
    "mistral-sliding-window": dict(config=MistralConfig(**SHAPE, sliding_window=24), without=dict(sliding_window=None)),
    "qwen2-upper-window": dict(
        config=Qwen2Config(
            **{key: value for key, value in SHAPE.items() if key != "head_dim"} | dict(num_attention_heads=2, num_key_value_heads=1),
            use_sliding_window=True,
            sliding_window=24,
            max_window_layers=1,
        ),
        without=dict(layer_types=["full_attention"] * 2),
    ),
    "qwen3": dict(config=Qwen3Config(**SHAPE)),
}


def random_model(config, dtype, seed):
    """Weights at scales that make the layers, the positions and the context all count in the output."""
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    generator = torch.Generator().manual_seed(seed)
    for name, weight in model.named_parameters():
        noise = torch.randn(weight.shape, generator=generator)
        if "norm" in name:
            weight.data = 1 + 0.1 * noise
        elif name.endswith("bias"):
            weight.data = 0.2 * noise
        elif "embed" in name or "lm_head" in name:
            weight.data = 0.6 * noise
        else:
            weight.data = 2 / math.sqrt(weight.shape[1]) * noise
    return model.to(dtype)


def prompts(seed):
    generator = torch.Generator().manual_seed(1000 + seed)
    return [torch.randint(3, SHAPE["vocab_size"], (length,), generator=generator).tolist() for length in PROMPT_LENGTHS]


def save(model, folder, shard):
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder, max_shard_size=shard)
    (folder / "generation_config.json").unlink(missing_ok=True)


def to_old_style(folder):
    """Writes the config as transformers 4 did."""
    file = folder / "config.json"
    config = json.loads(file.read_text())
    rope = config.pop("rope_parameters")
    config["torch_dtype"] = config.pop("dtype")
    config["rope_theta"] = rope["rope_theta"]
    config["rope_scaling"] = {"type": rope["rope_type"], "factor": rope["factor"]}
    file.write_text(json.dumps(config, indent=2) + "\n")


def assert_matters(model, folder, without, ids):
    changed = type(model.config).from_pretrained(folder, **without)
    other = AutoModelForCausalLM.from_pretrained(folder, config=changed, dtype=torch.float32, attn_implementation="eager")
    difference = (reference.logprobs(model, ids) - reference.logprobs(other.eval(), ids)).abs().max().item()
    assert difference > 0.5, f"{folder.name}: {without} changes log-probabilities by {difference} only"


def record(name, config, dtype=torch.bfloat16, shard="1GB", without=None, old_style=False):
    folder = FOLDER / name
    for seed in itertools.count():
        save(random_model(config, dtype, seed), folder, shard)
        if old_style:
            to_old_style(folder)
        model = reference.load(folder)
        try:
            cases = [reference.golden_case(model, None, ids, GREEDY_TOKENS) for ids in prompts(seed)]
            break
        except reference.Ambiguous as reason:
            print(f"{name}: seed {seed}: {reason}")
    if without:
        assert_matters(model, folder, without, cases[-1]["input_ids"])
    reference.write(folder / "golden.json", name, cases)
    print(f"{name}: seed {seed}, {sum(file.stat().st_size for file in folder.iterdir())} bytes")


if __name__ == "__main__":
    for name in sys.argv[1:] or CHECKPOINTS:
        record(name, **CHECKPOINTS[name])
