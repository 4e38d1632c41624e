"""The one entry point: `python main.py <command> --recipe demo_chat`. See README.md for the order of commands."""

import argparse
import importlib
import json
import random
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def facts(args, recipe) -> None:
    from recipes.chat_skills.countries import write_table

    print(f"{write_table()} countries")


def data(args, recipe) -> None:
    """Writes the training text, one sample a line."""
    rng = random.Random(args.seed)
    with (args.work / "train.jsonl").open("w", encoding="utf-8") as out:
        for _ in range(args.samples or recipe.TRAIN_SAMPLES):
            sample = recipe.sample(rng)
            out.write(json.dumps([sample.skill, sample.segments]) + "\n")


def read_samples(args) -> list:
    from common.items import Sample

    with (args.work / "train.jsonl").open(encoding="utf-8") as lines:
        return [Sample(skill, tuple(map(tuple, segments))) for skill, segments in map(json.loads, lines)]


def tokenizer(args, recipe) -> None:
    """Trains the tokenizer on a share of the training text, or that of the recipe's base further."""
    from tokenizers import Tokenizer

    from common.tokenizer import CHAT_TEMPLATE, extend_tokenizer, pieces, save_tokenizer, train_tokenizer

    if getattr(recipe, "KEEPS_TOKENIZER", False):
        shutil.copytree(base_folder(recipe), args.work / "tokenizer", ignore=lambda _, names: {n for n in names if "tokenizer" not in n}, dirs_exist_ok=True)
        return
    # Special tokens are cut out: merges are learnt on what stands between them.
    marks = getattr(recipe, "MARKS_OF_TOOLS", [])
    texts = pieces([text for sample in read_samples(args)[:100_000] for text, _ in sample.segments], marks)
    if base := base_folder(recipe):
        made = extend_tokenizer(Tokenizer.from_file(str(base / "tokenizer.json")), texts, recipe.VOCAB_SIZE, marks, recipe.WHOLE_NAMES)
    else:
        made = train_tokenizer(texts, recipe.VOCAB_SIZE)
    template = getattr(recipe, "CHAT_TEMPLATE", CHAT_TEMPLATE)
    save_tokenizer(made, args.work / "tokenizer", recipe.CONFIG.max_position_embeddings, template)
    for word in recipe.WHOLE_WORDS:
        if len(made.encode(word).ids) != 1:
            raise SystemExit(f"{word!r} is not a single token")
    print(f"{made.get_vocab_size()} tokens")


def base_folder(recipe) -> Path | None:
    """The shipped checkpoint from which a recipe goes on; None for one that begins from nothing."""
    return ROOT / "models" / recipe.BASE if hasattr(recipe, "BASE") else None


def train(args, recipe) -> None:
    import torch
    from tokenizers import Tokenizer

    from common.base import first_weights
    from common.tokenizer import encode_samples
    from common.training import train as run

    torch.set_num_threads(args.threads)
    made = Tokenizer.from_file(str(args.work / "tokenizer" / "tokenizer.json"))
    encoded = encode_samples(made, read_samples(args))
    print(f"{len(encoded):,} samples, {sum(len(ids) for ids, _ in encoded):,} tokens", flush=True)
    base = base_folder(recipe)
    run(
        recipe.CONFIG, encoded, args.work, steps=args.steps, tokens_per_batch=args.batch_tokens, learning_rate=args.rate,
        optimizer=args.optimizer, device=args.device, seed=args.seed, compiled=args.compile,
        first=first_weights(base, made, recipe.CONFIG) if base else None,
    )  # fmt: skip


def export(args, recipe) -> None:
    from common.export import export as run

    run(recipe, args.work, args.model, args.seed)


def evaluate(args, recipe) -> None:
    from common.evaluate import evaluate as run

    run(recipe, args.model, args.work, args.split, args.threads, args.limit)


def card(args, recipe) -> None:
    from common.card import write_card

    write_card(recipe, args.work, args.model)


def golden(args, recipe) -> None:
    from common.golden import record

    record(recipe, args.model, args.golden)


COMMANDS = {f.__name__: f for f in (facts, data, tokenizer, train, export, evaluate, card, golden)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=list(COMMANDS))
    parser.add_argument("--recipe", default="demo_chat")
    parser.add_argument("--work", type=Path, help="where everything in between is kept (default .cache/demo-models/<name>)")
    parser.add_argument("--model", type=Path, help="the exported checkpoint (default models/<name>)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--samples", type=int, help="data: number of samples (default: the recipe's)")
    parser.add_argument("--steps", type=int, default=6400)
    parser.add_argument("--batch-tokens", type=int, default=6144)
    parser.add_argument("--rate", type=float, default=3e-3, help="peak learning rate")
    parser.add_argument("--optimizer", choices=["adamw", "muon"], default="muon")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--split", choices=["dev", "held-out"], default="held-out", help="evaluate: which side")
    parser.add_argument("--limit", type=int, help="evaluate: at most so many probes of each skill")
    args = parser.parse_args()
    recipe = importlib.import_module(f"recipes.{args.recipe}")
    args.work = args.work or ROOT / ".cache" / "demo-models" / recipe.NAME
    args.model = args.model or ROOT / "models" / recipe.NAME
    args.base = base_folder(recipe)
    args.golden = ROOT / "test" / "model" / "golden" / f"{recipe.NAME}.json"
    args.work.mkdir(parents=True, exist_ok=True)
    # Models that do not generate text have commands of their own.
    command = getattr(getattr(recipe, "COMMANDS", None), args.command, COMMANDS[args.command])
    command(args, recipe)


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    main()
