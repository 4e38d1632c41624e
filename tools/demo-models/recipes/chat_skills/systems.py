"""System prompts that the model follows: answer in one word, in upper case, or in JSON with given keys."""

import json
import random
from collections.abc import Callable
from dataclasses import replace

from common.items import TRAIN, Talk, Turn, draw, pick, side
from recipes.chat_skills import arithmetic, calendar, capitals, unknown, words, yes_no

ONE_WORD = ["Answer in one word.", "Answer with one word.", "Answer with a single word.", "Reply in one word.",
            "Use one word only.", "Give a one word answer.", "Only one word.", "Just one word, please.", "Say it in one word.",
            "You answer in one word.", "Please use one word.", "Keep it to one word.", "Always answer in one word.", "One word.",
            "Your reply must be one word.", "Please reply with one word.", "Answer with one word only.", "Your answer is one word."]  # fmt: skip
UPPER = ["Answer in upper case.", "Answer in capital letters.", "Reply in upper case.", "Write in upper case.",
         "Use capital letters only.", "Write all in capital letters.", "Use upper case.", "You answer in upper case.", "Always use upper case.",
         "Write everything in upper case.", "Answer in all capital letters.", "Please reply in upper case.", "ANSWER IN UPPER CASE.",
         "Reply in capital letters.", "Write your answer in capital letters."]  # fmt: skip
JSON = ["Answer in JSON with the keys {k}.", "Reply in JSON with the keys {k}.", "Answer in JSON. Keys: {k}.",
        "Answer with a JSON object with the keys {k}.", "You answer in JSON with the keys {k}.", "Give me JSON with the keys {k}.", "Reply in JSON. Keys: {k}.",
        "Reply with JSON that has the keys {k}.", "Please use JSON with the keys {k}.", "Always answer in JSON with the keys {k}.",
        "Return a JSON object with the keys {k}.", "Answer as JSON. The keys are {k}.", "Output JSON with the keys {k}.",
        "Reply with a JSON object with the keys {k}.", "Give your answer as JSON with the keys {k}."]  # fmt: skip
JSON_ONE = ["Answer in JSON with the key {k}.", "Reply in JSON with the key {k}.", "Answer in JSON. Key: {k}.",
            "Answer with a JSON object with the key {k}.", "Give me JSON with the key {k}.", "You answer in JSON with the key {k}.",
            "Reply with JSON that has the key {k}.", "Please use JSON with the key {k}.", "Always answer in JSON with the key {k}.",
            "Return a JSON object with the key {k}.", "Answer as JSON. The key is {k}.", "Output JSON with the key {k}.",
            "Reply with a JSON object with the key {k}.", "Give your answer as JSON with the key {k}."]  # fmt: skip
IDLE = ["You are a helpful assistant.", "You are Demo.", "You are a friendly assistant.", "Be helpful.",
        "You are Demo, a helpful assistant.", "Answer the question.", "You are a helpful AI assistant."]  # fmt: skip

SHORT = [capitals.sample, capitals.sample, capitals.sample_reverse, capitals.sample_continent, arithmetic.sample,
         calendar.sample, words.category, words.opposite, words.color, yes_no.sample]  # fmt: skip
KEYED = [capitals.sample, capitals.sample, capitals.sample_reverse, capitals.sample_continent, arithmetic.sample,
         arithmetic.sample, words.category, words.opposite]  # fmt: skip
LOUD = [capitals.sample, capitals.sample, capitals.sample_continent, arithmetic.sample, calendar.sample, words.category,
        words.opposite, yes_no.sample]  # fmt: skip


Answered = Callable[[], tuple[Turn, str]]


def join(keys: list[str]) -> str:
    return keys[0] if len(keys) == 1 else f"{', '.join(keys[:-1])} and {keys[-1]}"


def one_word(rng: random.Random, split: str) -> tuple[str, Answered]:
    def answered() -> tuple[Turn, str]:
        while True:
            turn = draw(rng.choice(SHORT), rng, TRAIN)
            if turn.short:
                return turn, turn.short

    return pick(rng, ONE_WORD, split), answered


def upper(rng: random.Random, split: str) -> tuple[str, Answered]:
    def answered() -> tuple[Turn, str]:
        while True:
            turn = draw(rng.choice(LOUD), rng, TRAIN)
            if len(turn.answer) < 80:
                return turn, turn.answer.upper()

    return pick(rng, UPPER, split), answered


def keyed(rng: random.Random, split: str) -> tuple[str, Answered]:
    skill = rng.choice(KEYED)
    fields = draw(skill, rng, TRAIN).fields
    keys = rng.sample(list(fields), rng.randint(1, len(fields)))

    def answered() -> tuple[Turn, str]:
        turn = draw(skill, rng, TRAIN)
        return turn, json.dumps({key: turn.fields[key] for key in keys})

    return pick(rng, JSON if len(keys) > 1 else JSON_ONE, split).format(k=join(keys)), answered


KINDS: dict[str, Callable[[random.Random, str], tuple[str, Answered]]] = {"one word": one_word, "upper case": upper, "json": keyed}
UNKNOWN = {"one word": "Unknown", "upper case": unknown.ANSWER.upper(), "json": '{"error": "unknown"}'}


def talk(kind: str, system: str, turn: Turn, answer: str, before: tuple = ()) -> Talk:
    """The combination of system prompt and question decides the side."""
    turn = replace(turn, skill=kind, key=f"{system}|{turn.key}", answer=answer, must=(answer,))
    return Talk((("system", system), *before), turn)


def sample(kind: str, rng: random.Random, split: str) -> Talk:
    """One question under a system prompt of this kind."""
    system, answered = KINDS[kind](rng, split)
    return talk(kind, system, *answered())


def row(kind: str, rng: random.Random) -> Talk:
    """A trained system prompt that is followed through several turns, now and then one with an unknown question."""
    system, answered = KINDS[kind](rng, TRAIN)
    said: tuple = ()
    for _ in range(rng.choice([1, 1, 2, 3, 4, 5])):
        while True:
            turn, answer = answered()
            if rng.random() < 0.07:
                turn, answer = draw(unknown.sample, rng, TRAIN), UNKNOWN[kind]
            made = talk(kind, system, turn, answer, said)
            if side(made.key) == TRAIN:
                break
        said = (*said, *made.turn.messages)
    return made
