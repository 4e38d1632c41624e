"""Conversations of two turns whose second refers back to the first."""

import random

from common.items import TRAIN, Talk, Turn, draw, pick
from recipes.chat_skills import capitals, words
from recipes.chat_skills.countries import countries
from recipes.chat_skills.unknown import invented

FOLLOW = ["And of {c}?", "And {c}?", "What about {c}?", "And what about {c}?", "How about {c}?", "and of {c}?",
          "And for {c}?", "And that of {c}?", "And the one of {c}?", "Now {c}?", "And now that of {c}?",
          "What about that of {c}?", "And what is that of {c}?"]  # fmt: skip
WHERE = ["And {c}?", "What about {c}?", "How about {c}?", "And where is {c}?", "Now {c}?", "And what about {c}?", "Now what about {c}?"]
PEOPLE = ["Anna", "Ben", "Carla", "David", "Emma", "Felix", "Grace", "Henry", "Ida", "Jack", "Kate", "Leo", "Mia", "Noah",
          "Olga", "Paul", "Rosa", "Sam", "Tina", "Victor", "Lucy", "Omar", "Nina", "Peter", "Maria", "John"]  # fmt: skip
MY_NAME = ["My name is {n}.", "I am {n}.", "Hello, my name is {n}.", "Hi, I am {n}.", "Call me {n}.", "My name is {n}"]
WHO_AM_I = ["What is my name?", "Who am I?", "Do you know my name?", "What's my name?", "Please tell me my name.", "Say my name.",
            "Can you tell me my name?", "Do you remember my name?", "Do you remember what my name is?"]  # fmt: skip
FAVORITE = ["My favorite {k} is {x}.", "The {k} I like most is {x}.", "Of all {k}s I like {x} most."]
MY_FAVORITE = ["What is my favorite {k}?", "Which {k} do I like most?", "What's my favorite {k}?", "Do you know my favorite {k}?",
               "Tell me my favorite {k}.", "Do you remember my favorite {k}?", "Can you tell me my favorite {k}?"]  # fmt: skip


def after(first: Turn, turn: Turn) -> Talk:
    return Talk(tuple(first.messages), turn)


def capital(rng: random.Random, split: str) -> Talk:
    country = rng.choice(countries())
    phrase = pick(rng, FOLLOW, split)
    key = f"follow|{country.name}|{phrase}"
    first = draw(capitals.sample, rng, TRAIN)
    return after(first, capitals.capital_of(country, phrase.format(c=country.of), country.of, key))


def same_again(rng: random.Random, split: str, sample, word_of) -> Talk:
    """A question, then the same of another thing; word_of(turn) says what that is and how it is called."""
    first, other = draw(sample, rng, TRAIN), draw(sample, rng, TRAIN)
    phrase = pick(rng, WHERE, split)
    key = f"{other.skill} again|{word_of(other)}|{phrase}"
    turn = Turn("dialogs", key, phrase.format(c=word_of(other)), other.answer, other.short, {}, None, other.must)
    return after(first, turn)


def continent(rng: random.Random, split: str) -> Talk:
    called = {country.name: country.of for country in countries()}
    return same_again(rng, split, capitals.sample_continent, lambda turn: called[turn.fields["country"]])


def opposite(rng: random.Random, split: str) -> Talk:
    return same_again(rng, split, words.opposite, lambda turn: turn.fields["word"])


def own_name(rng: random.Random, split: str) -> Talk:
    name = rng.choice(PEOPLE) if rng.random() < 0.7 else invented(rng)
    question = pick(rng, WHO_AM_I, split)
    turn = Turn("dialogs", f"name|{name}|{question}", question, f"Your name is {name}.", name, {}, None, (name,))
    return Talk((("user", rng.choice(MY_NAME).format(n=name)), ("assistant", f"Nice to meet you, {name}!")), turn)


def favorite(rng: random.Random, split: str) -> Talk:
    kind = rng.choice(list(words.KINDS))
    word = words.thing(kind, rng.choice(words.KINDS[kind]))
    question = pick(rng, MY_FAVORITE, split).format(k=kind)
    turn = Turn("dialogs", f"favorite|{word}|{question}", question, f"Your favorite {kind} is {word}.", word, {}, None, (word,))
    said = f"{word[0].upper()}{word[1:]} is a nice {kind}."
    return Talk((("user", rng.choice(FAVORITE).format(k=kind, x=word)), ("assistant", said)), turn)


def sample(rng: random.Random, split: str) -> Talk:
    """A turn that refers to the one before."""
    return rng.choice([capital, capital, capital, continent, opposite, own_name, favorite, favorite])(rng, split)
