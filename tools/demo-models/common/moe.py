"""A Qwen2-shaped mixture of experts in plain PyTorch, made from a dense checkpoint.

All experts of a layer are kept as one wide feed-forward network, whose hidden units are weighted by the router. That costs as much as the
dense network of that width and needs no sorting of tokens; `exported` cuts it into the experts of a Hugging Face checkpoint.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from common.model import CausalLM, MLP, ModelConfig

# Weight of the loss that keeps the experts about equally used.
BALANCE = 0.01


@dataclass(frozen=True)
class MoeConfig(ModelConfig):
    """`intermediate_size` is that of no layer: every layer has experts, and one more that all tokens go through."""

    num_experts: int = 8
    num_experts_per_tok: int = 2
    moe_intermediate_size: int = 48
    shared_expert_intermediate_size: int = 192
    norm_topk_prob: bool = True
    decoder_sparse_step: int = 1

    architecture = "Qwen2MoeForCausalLM"
    model_type = "qwen2_moe"

    def feed_forward(self) -> nn.Module:
        return Experts(self)

    def build(self, seed: int) -> CausalLM:
        return MoeLM(self, seed)

    def from_dense(self, weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """First weights from those of a dense model: its strongest hidden units become the shared expert, the others are dealt to the
        experts in turn, so that shared and chosen experts begin as a part of the dense network."""
        made = {name: tensor for name, tensor in weights.items() if ".mlp." not in name}
        generator = torch.Generator().manual_seed(0)
        for layer in range(self.num_hidden_layers):
            dense = f"model.layers.{layer}.mlp."
            gate, up, down = (weights[f"{dense}{name}_proj.weight"] for name in ("gate", "up", "down"))
            strength = gate.norm(dim=1) * up.norm(dim=1) * down.norm(dim=0)
            order = strength.argsort(descending=True)
            shared, others = order.split([self.shared_expert_intermediate_size, len(order) - self.shared_expert_intermediate_size])
            size, count = self.moe_intermediate_size, self.num_experts
            # Experts overlap where there are fewer units than places.
            dealt = torch.cat([others[(expert + count * torch.arange(size)) % len(others)] for expert in range(count)])
            # The shared expert's gate begins at one half, and so does the weight of each of two chosen experts.
            for name, units in (("shared_expert", shared), ("experts", dealt)):
                made[f"{dense}{name}.gate_proj.weight"] = gate[units]
                made[f"{dense}{name}.up_proj.weight"] = up[units]
                made[f"{dense}{name}.down_proj.weight"] = 2 * down[:, units]
            made[f"{dense}shared_expert_gate.weight"] = torch.zeros(1, self.hidden_size)
            made[f"{dense}gate.weight"] = torch.randn(count, self.hidden_size, generator=generator) * self.hidden_size**-0.5
        return made


class Experts(nn.Module):
    """The feed-forward part of one layer. `balance` is the balancing loss of the last forward pass: 1 where use is even."""

    def __init__(self, config: MoeConfig):
        super().__init__()
        self.config = config
        self.experts = MLP(config, config.num_experts * config.moe_intermediate_size)
        self.shared_expert = MLP(config, config.shared_expert_intermediate_size)
        self.gate = nn.Linear(config.hidden_size, config.num_experts, bias=False)
        self.shared_expert_gate = nn.Linear(config.hidden_size, 1, bias=False)
        self.balance = torch.zeros(())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shares = F.softmax(self.gate(x).float(), dim=-1)
        best = shares.topk(self.config.num_experts_per_tok, dim=-1)
        weights = torch.zeros_like(shares).scatter(-1, best.indices, best.values / best.values.sum(dim=-1, keepdim=True))
        used = (weights > 0).float().flatten(0, -2).mean(dim=0) / self.config.num_experts_per_tok
        self.balance = self.config.num_experts * (used * shares.flatten(0, -2).mean(dim=0)).sum()
        each = weights.to(x.dtype).repeat_interleave(self.config.moe_intermediate_size, dim=-1)
        wide = self.experts
        mixed = wide.down_proj(F.silu(wide.gate_proj(x)) * wide.up_proj(x) * each)
        return mixed + torch.sigmoid(self.shared_expert_gate(x)) * self.shared_expert(x)


class MoeLM(CausalLM):
    def loss(self, ids: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        prediction = super().loss(ids, weights)
        return prediction + BALANCE * torch.stack([layer.mlp.balance for layer in self.model.layers]).mean()

    def exported(self) -> dict[str, torch.Tensor]:
        made = {}
        for name, tensor in self.state_dict().items():
            before, mark, after = name.partition(".mlp.experts.")
            if not mark:
                made[name] = tensor
                continue
            for expert, part in enumerate(tensor.chunk(self.config.num_experts, dim=split_along(name))):
                made[f"{before}.mlp.experts.{expert}.{after}"] = part
        return made

    def load_exported(self, weights: dict[str, torch.Tensor]) -> None:
        state = {}
        for name in self.state_dict():
            before, mark, after = name.partition(".mlp.experts.")
            parts = [weights[f"{before}.mlp.experts.{expert}.{after}"] for expert in range(self.config.num_experts)] if mark else []
            state[name] = torch.cat(parts, dim=split_along(name)) if parts else weights[name]
        self.load_state_dict(state)


def split_along(name: str) -> int:
    """The dimension of hidden units in a feed-forward matrix."""
    return 1 if "down_proj" in name else 0
