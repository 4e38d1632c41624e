"""Records what PyTorch gives as last-token vectors of the tiny checkpoints: the last hidden state of each prompt's last token,
at length 1.

    python tools/golden/record_embeddings.py && npx prettier --write test/model
"""

import json
from pathlib import Path

import torch
from transformers import AutoModel

import reference

ROOT = Path(__file__).resolve().parents[2]
CHECKPOINTS = ["llama-llama3-rope", "llama-head-dim-8", "mistral-sliding-window", "qwen2-upper-window", "qwen3"]


@torch.no_grad()
def vector(model, ids):
    hidden = model(torch.tensor([ids]), use_cache=False).last_hidden_state[0, -1]
    return torch.nn.functional.normalize(hidden, dim=0).tolist()


def main():
    models = {}
    for name in CHECKPOINTS:
        folder = ROOT / "test/model/checkpoints" / name
        torch.set_num_threads(1)
        model = AutoModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        prompts = [case["input_ids"] for case in json.loads((folder / "golden.json").read_text())["cases"]]
        prompts.append(prompts[0][:1])
        models[name] = [{"input_ids": ids, "vector": reference.rounded(vector(model, ids))} for ids in prompts]
    file = ROOT / "test/model/golden/embeddings.json"
    file.write_text(json.dumps({"how": reference.HOW, "models": models}) + "\n")


if __name__ == "__main__":
    main()
