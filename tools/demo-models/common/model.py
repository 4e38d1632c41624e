"""A Qwen2-shaped decoder in plain PyTorch.

Parameter names are those of a Hugging Face Qwen2 checkpoint, so a state dict is exported as it is.
Sequences are padded on the right; with causal attention the padding is never seen by a real token.
"""

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass(frozen=True)
class ModelConfig:
    """The sizes of one model; field names are those of Hugging Face's config.json."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    max_position_embeddings: int
    rope_theta: float = 10000.0
    rms_norm_eps: float = 1e-6

    architecture = "Qwen2ForCausalLM"
    model_type = "qwen2"

    def to_dict(self) -> dict:
        return asdict(self)

    def feed_forward(self) -> nn.Module:
        return MLP(self, self.intermediate_size)

    def build(self, seed: int) -> "CausalLM":
        return CausalLM(self, seed)

    def from_dense(self, weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """First weights from those of a dense model of these sizes."""
        return weights


class RMSNorm(nn.Module):
    def __init__(self, size: int, eps: float):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.rms_norm(x, self.weight.shape, self.weight, self.eps)


def rope_tables(config: ModelConfig, length: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosine and sine, each [length, head_dim], in the half-split layout of Llama and Qwen2."""
    half = config.head_dim // 2
    inverse = config.rope_theta ** (-torch.arange(half, device=device, dtype=torch.float32) / half)
    angles = torch.outer(torch.arange(length, device=device, dtype=torch.float32), inverse)
    angles = torch.cat([angles, angles], dim=-1)
    return angles.cos(), angles.sin()


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Applies rotary positions to [batch, heads, length, head_dim]."""
    first, second = x.chunk(2, dim=-1)
    return x * cos.to(x.dtype) + torch.cat([-second, first], dim=-1) * sin.to(x.dtype)


class Attention(nn.Module):
    def __init__(self, config: ModelConfig):
        super().__init__()
        self.heads, self.kv_heads, self.head_dim = (
            config.num_attention_heads,
            config.num_key_value_heads,
            config.head_dim,
        )
        self.q_proj = nn.Linear(config.hidden_size, self.heads * self.head_dim, bias=True)
        self.k_proj = nn.Linear(config.hidden_size, self.kv_heads * self.head_dim, bias=True)
        self.v_proj = nn.Linear(config.hidden_size, self.kv_heads * self.head_dim, bias=True)
        self.o_proj = nn.Linear(self.heads * self.head_dim, config.hidden_size, bias=False)

    def forward(self, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        batch, length, _ = x.shape
        q = self.q_proj(x).view(batch, length, self.heads, self.head_dim).transpose(1, 2)
        k = self.k_proj(x).view(batch, length, self.kv_heads, self.head_dim).transpose(1, 2)
        v = self.v_proj(x).view(batch, length, self.kv_heads, self.head_dim).transpose(1, 2)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        # Spelt out, the query heads of a group stacked over their one key head: on a CPU, for rows as short as these,
        # the backward pass of the fused operator takes longer than all the rest of the layer.
        groups = self.heads // self.kv_heads
        q = q.reshape(batch, self.kv_heads, groups * length, self.head_dim)
        scores = (q @ k.transpose(-1, -2)).view(batch, self.kv_heads, groups, length, length)
        weights = F.softmax(scores * self.head_dim**-0.5 + mask.to(scores.dtype), dim=-1).to(v.dtype)
        mixed = (weights.view(batch, self.kv_heads, groups * length, length) @ v).view(batch, self.heads, length, self.head_dim)
        return self.o_proj(mixed.transpose(1, 2).reshape(batch, length, -1))


class MLP(nn.Module):
    def __init__(self, config: ModelConfig, size: int):
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, size, bias=False)
        self.down_proj = nn.Linear(size, config.hidden_size, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, config: ModelConfig):
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = config.feed_forward()

    def forward(self, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, mask)
        return x + self.mlp(self.post_attention_layernorm(x))


class Backbone(nn.Module):
    """Token embedding, layers and final norm: what a decoder and its embedding or reward siblings share."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """ids [batch, length] → hidden states [batch, length, hidden_size] after the final norm."""
        x = self.embed_tokens(ids)
        cos, sin = rope_tables(self.config, ids.shape[1], ids.device)
        mask = torch.full((ids.shape[1], ids.shape[1]), float("-inf"), device=ids.device).triu(1)
        for layer in self.layers:
            x = layer(x, cos, sin, mask)
        return self.norm(x)


class CausalLM(nn.Module):
    """A backbone whose output head is its own embedding matrix (tied)."""

    def __init__(self, config: ModelConfig, seed: int):
        super().__init__()
        self.config = config
        self.model = Backbone(config)
        generator = torch.Generator().manual_seed(seed)
        depth_scale = (2 * config.num_hidden_layers) ** -0.5
        for name, parameter in self.named_parameters():
            if parameter.dim() < 2:
                if name.endswith("bias"):
                    nn.init.zeros_(parameter)
                continue
            std = 0.02 if "embed" in name else parameter.shape[1] ** -0.5
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                std *= depth_scale
            with torch.no_grad():
                parameter.normal_(0.0, std, generator=generator)

    def exported(self) -> dict[str, torch.Tensor]:
        """The weights under the names of a Hugging Face checkpoint."""
        return self.state_dict()

    def load_exported(self, weights: dict[str, torch.Tensor]) -> None:
        self.load_state_dict(weights)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        return F.linear(hidden, self.model.embed_tokens.weight)

    def loss(self, ids: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Weighted mean cross entropy; weights[b, t] belongs to predicting ids[b, t] from what precedes it."""
        hidden = self.model(ids)[:, :-1].flatten(0, 1)
        wanted = weights[:, 1:].flatten()
        chosen = wanted.nonzero().squeeze(1)
        # Padded with position 0 at weight 0, so that few distinct shapes occur: each new one costs the CPU a kernel.
        chosen = F.pad(chosen, (0, -len(chosen) % 256))
        picked = wanted[chosen]
        logits = self.logits(hidden[chosen]).float()
        each = F.cross_entropy(logits, ids[:, 1:].flatten()[chosen], reduction="none")
        return (each * picked).sum() / picked.sum()
