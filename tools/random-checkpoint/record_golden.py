"""Records golden.json of test/model/checkpoints/random-qwen2.

    python tools/random-checkpoint/record_golden.py && npx prettier --write test/model
"""

import sys
from pathlib import Path

from transformers import AutoTokenizer

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/golden"))

import reference  # noqa: E402

PROMPTS = [
    "The capital of France is",
    "Once upon a time",
    "One and one is two. Two and two is",
    "for (let i = 0; i < 10; i++) {",
    "Grüße aus München, 你好 🙂",
    "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\nWhat is the name of this river?"
    "<|im_end|>\n<|im_start|>assistant\n",
]


def main():
    folder = ROOT / "test/model/checkpoints/random-qwen2"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = reference.load(folder)
    cases = [reference.golden_case(model, prompt, tokenizer(prompt).input_ids, 24) for prompt in PROMPTS]
    reference.write(folder / "golden.json", folder.name, cases)


if __name__ == "__main__":
    main()
