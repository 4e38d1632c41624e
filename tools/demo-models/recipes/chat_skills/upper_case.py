"""Spelling words in capitals: those that the other skills answer with, others, and some that nobody has."""

import random

from common.items import Sample, Turn, pick
from recipes.chat_skills.calendar import DAYS, MONTHS
from recipes.chat_skills.countries import countries
from recipes.chat_skills.unknown import NOUNS, invented
from recipes.chat_skills.words import COLORS, KINDS, OPPOSITES

ASK = ["Write {x} in upper case.", "Give me {x} in upper case.", "Turn {x} into upper case.", "Change {x} to upper case.",
       "Convert {x} to capital letters.", "Type {x} in capital letters.", "{x} in upper case", "{x} in capital letters",
       "Spell {x} in capital letters.", "Set {x} in upper case.", "Show {x} in capital letters.", "Put {x} into upper case.",
       "Write {x} in capital letters.", "Say {x} in upper case.", "Please write {x} in upper case.", "Can you write {x} in upper case?",
       "Put {x} in capital letters.", "Please write {x} in capital letters."]  # fmt: skip


def any_word(rng: random.Random) -> str:
    country = rng.choice(countries())
    known = [
        country.capital, country.capital, country.name, country.continent, rng.choice(DAYS + MONTHS),
        rng.choice(rng.choice(OPPOSITES)), rng.choice(rng.choice(list(KINDS.values()))), rng.choice(list(COLORS.values())),
    ]  # fmt: skip
    other = [rng.choice(NOUNS), invented(rng), invented(rng).lower()]
    return rng.choice(known if rng.random() < 0.8 else other)


def sample(rng: random.Random, split: str) -> Turn:
    word = any_word(rng)
    phrase = pick(rng, ASK, split)
    return Turn("upper case", f"upper|{word}|{phrase}", phrase.format(x=word), word.upper(), word.upper(),
                {"word": word, "upper": word.upper()}, None, (word.upper(),))  # fmt: skip


def drill(rng: random.Random) -> Sample:
    """Many words with their spelling in capitals, one a line."""
    segments: list[tuple[str, float]] = [("Upper case:\n", 0.0)]
    for _ in range(rng.randint(6, 12)):
        word = any_word(rng)
        segments += [(f"{word} =", 0.0), (f" {word.upper()}\n", 1.0)]
    return Sample("upper case", tuple(segments))
