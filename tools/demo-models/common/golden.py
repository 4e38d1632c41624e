"""Records what PyTorch and transformers compute from the exported weights, for the project's tests to compare with."""

import json
from pathlib import Path

import torch

MAX_NEW = 32
# Prompts where two tokens nearly tie at any step are refused: another engine may rightly choose the other.
SMALLEST_GAP = 1e-3
NOTE = (
    "Greedy continuations and log-probabilities computed with PyTorch and transformers ({kind}) in float32 "
    "from the bfloat16 weights of models/{name}, without a cache. Made by `python main.py golden` in tools/demo-models. "
    "At every step the two best logits differ by more than {gap}. input_token_logprobs[i] belongs to input_ids[i] given what "
    "precedes it; the first has none. greedy_ids end with the end token where one was reached."
)


@torch.no_grad()
def record(recipe, folder: Path, path: Path) -> None:
    """Writes the record of recipe.GOLDEN, a list of (name, messages or plain text), or with tools as a third."""
    import tokenizers
    import transformers
    from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

    torch.manual_seed(0)
    # AutoTokenizer builds the tokenizers of Qwen2 anew, without words that are no merge.
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    reference = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    ends = set(model.generation_config.eos_token_id)
    cases = []
    for name, source, *rest in recipe.GOLDEN:
        tools = rest[0] if rest else None
        if isinstance(source, str):
            text = source
        else:
            text = tokenizer.apply_chat_template(source, tools=tools, tokenize=False, add_generation_prompt=True)
        ids = tokenizer(text)["input_ids"]
        if ids != reference.encode(text).ids:
            raise SystemExit(f"{name}: transformers and tokenizer.json disagree")
        output, logprobs, gaps = [], [], []
        for _ in range(MAX_NEW):
            logits = model(torch.tensor([ids + output])).logits[0, -1]
            best = torch.topk(logits, 2).values
            gaps.append((best[0] - best[1]).item())
            token = int(logits.argmax())
            output.append(token)
            logprobs.append(torch.log_softmax(logits, dim=-1)[token].item())
            if token in ends:
                break
        if min(gaps) <= SMALLEST_GAP:
            print(f"left out, two tokens nearly tie: {name}")
            continue
        every = torch.log_softmax(model(torch.tensor([ids])).logits[0], dim=-1)
        prompt = [None] + [every[i, ids[i + 1]].item() for i in range(len(ids) - 1)]
        cases.append(
            {
                "name": name,
                "messages": None if isinstance(source, str) else source,
                **({"tools": tools} if tools else {}),
                "prompt": text,
                "input_ids": ids,
                "greedy_ids": output,
                "text": tokenizer.decode(output, skip_special_tokens=True),
                "greedy_logprobs": [round(value, 6) for value in logprobs],
                "input_token_logprobs": [None if value is None else round(value, 6) for value in prompt],
                "smallest_gap": round(min(gaps), 4),
            }
        )
        print(f"{name}: {cases[-1]['text']!r}, smallest gap {min(gaps):.3f}")
    document = {
        "note": NOTE.format(name=recipe.NAME, kind=recipe.CONFIG.architecture, gap=SMALLEST_GAP),
        "made_with": {"torch": torch.__version__, "transformers": transformers.__version__},
        "eos_token_ids": sorted(ends),
        "cases": cases,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
