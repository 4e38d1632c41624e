"""System prompts that the model follows: answer in one word, in upper case, or in JSON with given keys."""

import json
import random

from common.items import HELD_OUT, TRAIN, Turn, draw, held_out, pick
from recipes.chat_skills import arithmetic, calendar, capitals, words, yes_no

ONE_WORD = ["Answer in one word.", "Answer with one word.", "Answer with a single word.", "Reply in one word.",
            "Use one word only.", "Give a one word answer.", "Only one word.", "Just one word, please.", "Say it in one word.",
            "You answer in one word.", "Answer with one word only."]  # fmt: skip
UPPER = ["Answer in upper case.", "Answer in capital letters.", "Reply in upper case.", "Write in upper case.",
         "Use capital letters only.", "Write all in capital letters.", "Use upper case.", "You answer in upper case.", "Reply in capital letters."]  # fmt: skip
JSON = ["Answer in JSON with the keys {k}.", "Reply in JSON with the keys {k}.", "Answer in JSON. Keys: {k}.",
        "Answer with a JSON object with the keys {k}.", "You answer in JSON with the keys {k}.", "Give me JSON with the keys {k}.", "Reply in JSON. Keys: {k}.",
        "Reply with JSON that has the keys {k}.",
        "Reply with a JSON object with the keys {k}."]  # fmt: skip
JSON_ONE = ["Answer in JSON with the key {k}.", "Reply in JSON with the key {k}.", "Answer in JSON. Key: {k}.",
            "Answer with a JSON object with the key {k}.", "Give me JSON with the key {k}.", "Reply with a JSON object with the key {k}."]  # fmt: skip
IDLE = ["You are a helpful assistant.", "You are Demo.", "You are a friendly assistant.", "Be helpful.",
        "You are Demo, a helpful assistant.", "Answer the question.", "You are a helpful AI assistant."]  # fmt: skip

SHORT = [capitals.sample, capitals.sample, capitals.sample_reverse, capitals.sample_continent, arithmetic.sample,
         calendar.sample, words.category, words.opposite, words.color, yes_no.sample]  # fmt: skip
KEYED = [capitals.sample, capitals.sample, capitals.sample_reverse, capitals.sample_continent, arithmetic.sample,
         words.category, words.opposite]  # fmt: skip
LOUD = [capitals.sample, capitals.sample, capitals.sample_continent, arithmetic.sample, calendar.sample, words.category,
        words.opposite, yes_no.sample]  # fmt: skip


def join(keys: list[str]) -> str:
    return keys[0] if len(keys) == 1 else f"{', '.join(keys[:-1])} and {keys[-1]}"


def one_word(rng: random.Random, split: str) -> tuple[str, Turn, str]:
    while True:
        turn = draw(rng.choice(SHORT), rng, TRAIN)
        if turn.short:
            return pick(rng, ONE_WORD, split, 1), turn, turn.short


def upper(rng: random.Random, split: str) -> tuple[str, Turn, str]:
    while True:
        turn = draw(rng.choice(LOUD), rng, TRAIN)
        if len(turn.answer) < 80:
            return pick(rng, UPPER, split, 1), turn, turn.answer.upper()


def keyed(rng: random.Random, split: str) -> tuple[str, Turn, str]:
    while True:
        turn = draw(rng.choice(KEYED), rng, TRAIN)
        if turn.fields:
            break
    keys = rng.sample(list(turn.fields), rng.randint(1, len(turn.fields)))
    phrase = pick(rng, JSON if len(keys) > 1 else JSON_ONE, split, 1)
    return phrase.format(k=join(keys)), turn, json.dumps({key: turn.fields[key] for key in keys})


def instructed(rng: random.Random, split: str) -> tuple[str, str, Turn, str]:
    """(kind, system prompt, turn, answer); the combination of prompt and question lies on the wanted side."""
    kind, make = rng.choice([("one word", one_word), ("upper case", upper), ("json", keyed)])
    reserved = split == HELD_OUT and rng.random() < 0.5
    while True:
        system, turn, answer = make(rng, HELD_OUT if reserved else TRAIN)
        if reserved or held_out(f"{system}|{turn.key}") == (split == HELD_OUT):
            return kind, system, turn, answer
