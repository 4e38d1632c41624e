"""Records what PyTorch gives as vectors of the tiny checkpoints: the last hidden state of each prompt's last token, at length 1,
and the mean of those of all its tokens, as it is.

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
def vectors(model, ids):
    hidden = model(torch.tensor([ids]), use_cache=False).last_hidden_state[0]
    last = torch.nn.functional.normalize(hidden[-1], dim=0)
    return dict(vector=reference.rounded(last.tolist()), mean=reference.rounded(hidden.mean(0).tolist()))


def main():
    models = {}
    for name in CHECKPOINTS:
        folder = ROOT / "test/model/checkpoints" / name
        torch.set_num_threads(1)
        model = AutoModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        prompts = [case["input_ids"] for case in json.loads((folder / "golden.json").read_text())["cases"]]
        prompts.append(prompts[0][:1])
        models[name] = [dict(input_ids=ids, **vectors(model, ids)) for ids in prompts]
    file = ROOT / "test/model/golden/embeddings.json"
    file.write_text(json.dumps({"how": reference.HOW, "models": models}) + "\n")


if __name__ == "__main__":
    main()
