"""Conversations of two turns whose second refers back to the first."""

import random

from common.items import Turn, draw, held_out, pick
from recipes.chat_skills import capitals, words
from recipes.chat_skills.countries import countries

FOLLOW = ["And of {c}?", "And {c}?", "What about {c}?", "And what about {c}?", "How about {c}?", "and of {c}?",
          "And for {c}?", "And that of {c}?", "What about that of {c}?"]  # fmt: skip
PEOPLE = ["Anna", "Ben", "Carla", "David", "Emma", "Felix", "Grace", "Henry", "Ida", "Jack", "Kate", "Leo", "Mia", "Noah",
          "Olga", "Paul", "Rosa", "Sam", "Tina", "Victor", "Lucy", "Omar", "Nina", "Peter", "Maria", "John"]  # fmt: skip
MY_NAME = ["My name is {n}.", "I am {n}.", "Hello, my name is {n}.", "Hi, I am {n}.", "Call me {n}.", "My name is {n}"]
WHO_AM_I = ["What is my name?", "Who am I?", "Do you know my name?", "What's my name?"]
LIKE = ["I like {x}.", "My favorite color is {x}."]


def capital(rng: random.Random, split: str) -> tuple[list[tuple[str, str]], Turn]:
    first = draw(capitals.sample, rng, "train")
    while True:
        country = rng.choice(countries())
        phrase = pick(rng, FOLLOW, split, 1)
        key = f"follow|{country.name}|{phrase}"
        if split != "train" or not held_out(key):
            break
    turn = capitals.capital_of(country, phrase.format(c=country.of), country.of, key)
    return [("user", first.question), ("assistant", first.answer)], turn


def continent(rng: random.Random, split: str) -> tuple[list[tuple[str, str]], Turn]:
    first = draw(capitals.sample_continent, rng, "train")
    other = draw(capitals.sample_continent, rng, "train")
    name = other.fields["country"]
    of = next(c.of for c in countries() if c.name == name)
    question = rng.choice(["And {c}?", "What about {c}?", "How about {c}?"]).format(c=of)
    turn = Turn("dialogs", f"where|{name}|{question}", question, other.answer, other.short, {}, None, other.must)
    return [("user", first.question), ("assistant", first.answer)], turn


def opposite(rng: random.Random, split: str) -> tuple[list[tuple[str, str]], Turn]:
    first, other = draw(words.opposite, rng, "train"), draw(words.opposite, rng, "train")
    word = other.fields["word"]
    question = rng.choice(["And of {c}?", "What about {c}?", "And {c}?"]).format(c=word)
    turn = Turn("dialogs", f"opp|{word}|{question}", question, other.answer, other.short, {}, None, other.must)
    return [("user", first.question), ("assistant", first.answer)], turn


def own_name(rng: random.Random, split: str) -> tuple[list[tuple[str, str]], Turn]:
    name = rng.choice(PEOPLE)
    question = rng.choice(WHO_AM_I)
    turn = Turn("dialogs", f"name|{name}|{question}", question, f"Your name is {name}.", name, {}, None, (name,))
    return [("user", rng.choice(MY_NAME).format(n=name)), ("assistant", f"Nice to meet you, {name}!")], turn


def color(rng: random.Random, split: str) -> tuple[list[tuple[str, str]], Turn]:
    shade = rng.choice(words.KINDS["color"])
    turn = Turn("dialogs", f"shade|{shade}", "What is my favorite color?", f"Your favorite color is {shade}.", shade, {},
                None, (shade,))  # fmt: skip
    return [("user", f"My favorite color is {shade}."), ("assistant", f"{shade.capitalize()} is a nice color.")], turn


def sample(rng: random.Random, split: str) -> tuple[list[tuple[str, str]], Turn]:
    """(what was said before, the turn that refers to it)."""
    part = rng.choice([capital, capital, capital, continent, opposite, own_name, own_name, color])
    while True:
        history, turn = part(rng, split)
        if split != "train" or not held_out(turn.key):
            return history, turn
