"""Records which experts PyTorch's routers choose for the tokens of each golden.json of a mixture of experts: of the prompt, and of
all that was generated but for the last token, which goes through no layer.

    python tools/golden/record_routing.py && npx prettier --write test/model/golden/routing.json
"""

import json
from pathlib import Path

import torch

import reference

ROOT = Path(__file__).resolve().parents[2] / "test/model"
NAMES = ["mixtral", "qwen2-moe", "qwen3-moe", "olmoe"]
# Between the last expert that is chosen and the first that is not, as probabilities.
MIN_GAP = 1e-5


@torch.no_grad()
def routing(model, ids):
    """{layer: [tokens, chosen]}, and how close any choice was."""
    chosen, gap = {}, float("inf")

    def watch(layer, count):
        def hook(_, __, outputs):
            nonlocal gap
            logits = outputs[0].reshape(-1, count)
            indices = outputs[2]
            chosen[layer] = [sorted(row) for row in indices.tolist()]
            ranked = torch.softmax(logits.double(), dim=-1).sort(dim=-1, descending=True).values
            k = indices.shape[-1]
            gap = min(gap, (ranked[:, k - 1] - ranked[:, k]).min().item())

        return hook

    hooks = []
    for layer, block in enumerate(model.model.layers):
        for module in block.modules():
            if type(module).__name__.endswith("TopKRouter"):
                hooks.append(module.register_forward_hook(watch(layer, module.num_experts)))
    model(torch.tensor([ids]), use_cache=False)
    for hook in hooks:
        hook.remove()
    return chosen, gap


def main():
    models = {}
    for name in NAMES:
        folder = ROOT / "checkpoints" / name
        model = reference.load(folder)
        cases = []
        for case in json.loads((folder / "golden.json").read_text())["cases"]:
            chosen, gap = routing(model, case["input_ids"] + case["greedy_ids"][:-1])
            assert chosen, f"{name}: no router was found"
            assert gap > MIN_GAP, f"{name}: two experts are only {gap} apart"
            cases.append(chosen)
        models[name] = cases
        print(f"{name}: layers {list(cases[0])}")
    (ROOT / "golden/routing.json").write_text(json.dumps({"how": reference.HOW, "models": models}) + "\n")


if __name__ == "__main__":
    main()
