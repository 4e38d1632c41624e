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
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    Gemma3TextConfig,
    GraniteConfig,
    LlamaConfig,
    MistralConfig,
    MixtralConfig,
    Olmo2Config,
    OlmoeConfig,
    Phi3Config,
    Qwen2Config,
    Qwen2MoeConfig,
    Qwen3Config,
    Qwen3MoeConfig,
    SmolLM3Config,
)

from safetensors.torch import load_file, save_file

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
QWEN2_SHAPE = {key: value for key, value in SHAPE.items() if key != "head_dim"} | dict(num_attention_heads=2, num_key_value_heads=1)
LLAMA3_ROPE = dict(
    rope_type="llama3",
    rope_theta=10000.0,
    factor=8.0,
    low_freq_factor=1.0,
    high_freq_factor=4.0,
    original_max_position_embeddings=64,
)
YARN_ROPE = dict(rope_type="yarn", rope_theta=10000.0, factor=4.0, original_max_position_embeddings=64)
LINEAR_ROPE = dict(rope_type="linear", rope_theta=10000.0, factor=4.0)
PLAIN_ROPE = dict(rope_type="default", rope_theta=10000.0)

# name: config, settings that take its special feature away (the golden values must notice), type of the weights, the size of
# a shard, the lengths of the prompts, and the prefix under which a multimodal checkpoint keeps its language model.
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
            **QWEN2_SHAPE,
            use_sliding_window=True,
            sliding_window=24,
            max_window_layers=1,
        ),
        without=dict(layer_types=["full_attention"] * 2),
    ),
    "qwen3": dict(config=Qwen3Config(**SHAPE)),
    "qwen2-yarn": dict(
        config=Qwen2Config(**QWEN2_SHAPE | dict(max_position_embeddings=64), rope_parameters=YARN_ROPE),
        without=dict(rope_parameters=PLAIN_ROPE),
        old_style=True,
    ),
    "gemma2": dict(
        config=Gemma2Config(
            **SHAPE, query_pre_attn_scalar=24, attn_logit_softcapping=2.0, final_logit_softcapping=15.0, sliding_window=24
        ),
        without=dict(attn_logit_softcapping=50.0),
    ),
    "gemma3": dict(
        config=Gemma3TextConfig(
            **SHAPE | dict(num_hidden_layers=3),
            query_pre_attn_scalar=24,
            sliding_window=24,
            layer_types=["sliding_attention", "full_attention", "sliding_attention"],
            rope_parameters=dict(full_attention=LINEAR_ROPE, sliding_attention=dict(rope_type="default", rope_theta=100.0)),
        ),
        without=dict(layer_types=["full_attention"] * 3),
    ),
    "gemma3-within-multimodal": dict(
        config=Gemma3TextConfig(**SHAPE, query_pre_attn_scalar=16, sliding_window=24, layer_types=["sliding_attention", "full_attention"]),
        within="language_model.",
    ),
    "phi3-longrope": dict(
        config=Phi3Config(
            **SHAPE | dict(hidden_size=64),
            pad_token_id=0,
            original_max_position_embeddings=64,
            sliding_window=100,
            partial_rotary_factor=0.5,
            rope_parameters=dict(
                rope_type="longrope",
                rope_theta=10000.0,
                partial_rotary_factor=0.5,
                short_factor=[1.0, 1.1, 1.2, 1.3],
                long_factor=[1.5, 2.0, 4.0, 8.0],
            ),
        ),
        lengths=[70, 110, 150],
    ),
    "phi3": dict(
        config=Phi3Config(
            **SHAPE | dict(hidden_size=64, head_dim=32, num_attention_heads=2, num_key_value_heads=1),
            pad_token_id=0,
            sliding_window=24,
            rope_parameters=dict(rope_type="default", rope_theta=10000.0, partial_rotary_factor=0.5),
        ),
    ),
    "granite": dict(
        config=GraniteConfig(
            **SHAPE, embedding_multiplier=3.0, attention_multiplier=0.125, residual_multiplier=0.5, logits_scaling=2.0
        ),
        without=dict(residual_multiplier=1.0),
    ),
    "olmo2": dict(config=Olmo2Config(**SHAPE)),
    "smollm3": dict(
        config=SmolLM3Config(**SHAPE | dict(num_hidden_layers=4), no_rope_layers=[1, 0, 1, 0], pad_token_id=0),
        without=dict(no_rope_layers=[1, 1, 1, 1]),
    ),
    "mixtral": dict(config=MixtralConfig(**SHAPE, num_local_experts=4), without=dict(num_experts_per_tok=1)),
    "qwen2-moe": dict(
        config=Qwen2MoeConfig(
            **QWEN2_SHAPE | dict(num_hidden_layers=4),
            num_experts=6,
            num_experts_per_tok=3,
            moe_intermediate_size=24,
            shared_expert_intermediate_size=40,
            mlp_only_layers=[1],
            decoder_sparse_step=2,
            use_sliding_window=True,
            sliding_window=24,
            max_window_layers=2,
        ),
        without=dict(norm_topk_prob=True),
    ),
    "qwen3-moe": dict(
        config=Qwen3MoeConfig(
            **SHAPE, num_experts=8, num_experts_per_tok=3, moe_intermediate_size=24, norm_topk_prob=True, mlp_only_layers=[]
        ),
        without=dict(norm_topk_prob=False),
    ),
    "olmoe": dict(
        config=OlmoeConfig(
            **{key: SHAPE[key] for key in SHAPE if key != "head_dim"} | dict(hidden_size=64, intermediate_size=32),
            pad_token_id=0,
            num_experts=8,
            num_experts_per_tok=3,
            clip_qkv=1.5,
        ),
        without=dict(clip_qkv=None),
    ),
}


def random_model(config, dtype, seed):
    """Weights at scales that make the layers, the positions and the context all count in the output."""
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    generator = torch.Generator().manual_seed(seed)
    gemma = config.model_type.startswith("gemma")
    for name, weight in model.named_parameters():
        noise = torch.randn(weight.shape, generator=generator)
        if gemma and "norm" in name:
            # Stored as the distance from 1. Branches must outweigh the embedding, or tied models only repeat their input.
            weight.data = (5 if "post_" in name else 0) + 0.1 * noise
        elif gemma and "embed" in name:
            weight.data = 0.4 * noise
        elif "norm" in name:
            weight.data = 1 + 0.1 * noise
        elif name.endswith("bias"):
            weight.data = 0.2 * noise
        elif "embed" in name or "lm_head" in name:
            weight.data = 0.6 * noise
        else:
            # Experts come as [experts, out, in].
            weight.data = 2 / math.sqrt(weight.shape[-1]) * noise
    return model.to(dtype)


def prompts(seed, lengths):
    generator = torch.Generator().manual_seed(1000 + seed)
    return [torch.randint(3, SHAPE["vocab_size"], (length,), generator=generator).tolist() for length in lengths]


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
    config["rope_scaling"] = {"type": rope.pop("rope_type"), **{key: rope[key] for key in rope if key != "rope_theta"}}
    file.write_text(json.dumps(config, indent=2) + "\n")


def to_multimodal(folder, prefix):
    """Writes the checkpoint as the language model of a multimodal one: its config in `text_config`, its tensors under a prefix."""
    file = folder / "config.json"
    text = json.loads(file.read_text())
    text.pop("architectures")
    whole = dict(architectures=["Gemma3ForConditionalGeneration"], model_type="gemma3", eos_token_id=text.pop("eos_token_id"))
    file.write_text(json.dumps(whole | dict(text_config=text), indent=2) + "\n")
    tensors = load_file(folder / "model.safetensors")
    save_file({prefix + name: tensor for name, tensor in tensors.items()}, folder / "model.safetensors")


def assert_matters(model, folder, without, ids):
    changed = type(model.config).from_pretrained(folder, **without)
    other = AutoModelForCausalLM.from_pretrained(folder, config=changed, dtype=torch.float32, attn_implementation="eager")
    difference = (reference.logprobs(model, ids) - reference.logprobs(other.eval(), ids)).abs().max().item()
    assert difference > 0.5, f"{folder.name}: {without} changes log-probabilities by {difference} only"


def record(name, config, dtype=torch.bfloat16, shard="1GB", without=None, old_style=False, lengths=PROMPT_LENGTHS, within=None):
    folder = FOLDER / name
    for seed in itertools.count():
        save(random_model(config, dtype, seed), folder, shard)
        if old_style:
            to_old_style(folder)
        model = reference.load(folder)
        try:
            cases = [reference.golden_case(model, None, ids, GREEDY_TOKENS) for ids in prompts(seed, lengths)]
            break
        except reference.Ambiguous as reason:
            print(f"{name}: seed {seed}: {reason}")
    if within:
        to_multimodal(folder, within)
    if without:
        assert_matters(model, folder, without, cases[-1]["input_ids"])
    reference.write(folder / "golden.json", name, cases)
    print(f"{name}: seed {seed}, {sum(file.stat().st_size for file in folder.iterdir())} bytes")


if __name__ == "__main__":
    for name in sys.argv[1:] or CHECKPOINTS:
        record(name, **CHECKPOINTS[name])
