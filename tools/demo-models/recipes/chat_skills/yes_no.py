"""Questions answered by Yes or No, half of each. A wrong pair lies on one side whatever its phrasing."""

import random

from common.items import Turn, pick
from recipes.chat_skills.calendar import DAYS, MONTHS
from recipes.chat_skills.countries import countries
from recipes.chat_skills.words import KINDS, OPPOSITES, article, thing

CAPITAL = ["Is {t} the capital of {c}?", "Is the capital of {c} {t}?", "Is it true that {t} is the capital of {c}?",
           "Is {t} the capital city of {c}?", "Is it correct that {t} is the capital of {c}?",
           "Is the city of {t} the capital of {c}?", "Do you think that {t} is the capital of {c}?", "{t} is the capital of {c}. True?", "{t} is the capital of {c}. Right?",
           "Would you say that {t} is the capital of {c}?", "Is it a fact that {t} is the capital of {c}?", "Do you agree that {t} is the capital of {c}?", "Am I right that {t} is the capital of {c}?", "Is it so that {t} is the capital of {c}?",
           "Is it right that {t} is the capital of {c}?", "Do you believe that {t} is the capital of {c}?"]  # fmt: skip
CONTINENT = ["Is {c} in {t}?", "Is {c} on the continent {t}?", "Is it true that {c} is in {t}?", "Is it correct that {c} is in {t}?",
             "Would you say that {c} is in {t}?", "Do you agree that {c} is in {t}?", "Is it a fact that {c} is in {t}?",
             "Is it so that {c} is in {t}?", "Am I right that {c} is in {t}?", "Do you think that {c} is in {t}?",
             "Is {c} a country in {t}?", "Do you believe that {c} is in {t}?"]
KIND = ["Is {x} {k}?", "Is it correct that {x} is {k}?", "Do you think that {x} is {k}?", "Is it true that {x} is {k}?",
        "Would you say that {x} is {k}?", "Is it a fact that {x} is {k}?", "Do you agree that {x} is {k}?", "Am I right that {x} is {k}?", "Is it so that {x} is {k}?", "Is it right that {x} is {k}?", "Do you believe that {x} is {k}?"]
OPPOSITE = ["Is {a} the opposite of {b}?", "Is it correct that {a} is the opposite of {b}?", "Is it true that {a} is the opposite of {b}?",
            "Would you say that {a} is the opposite of {b}?", "Is it a fact that {a} is the opposite of {b}?", "Do you agree that {a} is the opposite of {b}?", "Am I right that {a} is the opposite of {b}?", "Is it so that {a} is the opposite of {b}?",
            "Do you think that {a} is the opposite of {b}?", "Is it right that {a} is the opposite of {b}?",
            "Do you believe that {a} is the opposite of {b}?"]  # fmt: skip
COMPARE = ["Is {a} {w} than {b}?", "Is it correct that {a} is {w} than {b}?", "Is it true that {a} is {w} than {b}?",
           "Would you say that {a} is {w} than {b}?", "Is it a fact that {a} is {w} than {b}?", "Do you agree that {a} is {w} than {b}?", "Am I right that {a} is {w} than {b}?", "Is it so that {a} is {w} than {b}?", "Do you think that {a} is {w} than {b}?",
           "Is it right that {a} is {w} than {b}?", "Do you believe that {a} is {w} than {b}?"]
NEXT = ["Is {a} the {u} after {b}?", "Is it correct that {a} comes after {b}?", "Does {a} come after {b}?", "Is it true that {a} comes after {b}?",
        "Would you say that {a} comes after {b}?", "Is it a fact that {a} comes after {b}?", "Do you agree that {a} comes after {b}?", "Am I right that {a} comes after {b}?", "Is it so that {a} comes after {b}?",
        "Do you think that {a} comes after {b}?", "Is it right that {a} comes after {b}?", "Do you believe that {a} comes after {b}?"]  # fmt: skip


def turn(key: str, question: str, truth: bool) -> Turn:
    word = "Yes" if truth else "No"
    return Turn("yes or no", key, question, f"{word}.", word, {}, None, (word,))


def capital(rng: random.Random, split: str, truth: bool) -> Turn:
    country = rng.choice(countries())
    city = country.capital
    while not truth and city == country.capital:
        city = rng.choice(countries()).capital
    phrase = pick(rng, CAPITAL, split)
    # A true pair is held out with its phrasing only: nobody can know a capital that was never told.
    key = f"true|{country.name}|{phrase}" if truth else f"false|{country.name}|{city}"
    return turn(key, phrase.format(t=city, c=country.of), truth)


def continent(rng: random.Random, split: str, truth: bool) -> Turn:
    country = rng.choice(countries())
    names = sorted({c.continent for c in countries()} - {country.continent})
    place = country.continent if truth else rng.choice(names)
    phrase = pick(rng, CONTINENT, split)
    return turn(f"in|{country.name}|{place}|{phrase}", phrase.format(c=country.of, t=place), truth)


def kind(rng: random.Random, split: str, truth: bool) -> Turn:
    name = rng.choice(list(KINDS))
    word = rng.choice(KINDS[name])
    other = name
    # A bird is an animal too, and a flower a plant: wrong pairs are taken where nothing is arguable.
    while not truth and (other == name or {other, name} == {"bird", "animal"}):
        other = rng.choice(list(KINDS))
    phrase = pick(rng, KIND, split)
    return turn(f"is|{word}|{other}|{phrase}", phrase.format(x=thing(name, word), k=article(other)), truth)


def opposite(rng: random.Random, split: str, truth: bool) -> Turn:
    pair = rng.choice(OPPOSITES)
    first, second = pair if rng.random() < 0.5 else pair[::-1]
    while not truth and second in pair:
        second = rng.choice(rng.choice(OPPOSITES))
    phrase = pick(rng, OPPOSITE, split)
    return turn(f"opp|{first}|{second}|{phrase}", phrase.format(a=first, b=second), truth)


def compare(rng: random.Random, split: str, truth: bool) -> Turn:
    a, b = rng.sample(range(100), 2)
    word = rng.choice(["greater", "bigger", "smaller", "less"])
    if ((a > b) == (word in ("greater", "bigger"))) != truth:
        a, b = b, a
    phrase = pick(rng, COMPARE, split)
    return turn(f"cmp|{a}|{b}", phrase.format(a=a, b=b, w=word), truth)


def following(rng: random.Random, split: str, truth: bool) -> Turn:
    unit, names = rng.choice([("day", DAYS), ("month", MONTHS)])
    index = rng.randrange(len(names))
    right = (index + 1) % len(names)
    other = right if truth else rng.choice([i for i in range(len(names)) if i not in (right, index)])
    phrase = pick(rng, NEXT, split)
    return turn(f"foll|{index}|{other}|{phrase}", phrase.format(a=names[other], b=names[index], u=unit), truth)


def sample(rng: random.Random, split: str) -> Turn:
    part = rng.choice([capital, capital, capital, capital, continent, kind, kind, opposite, compare, following])
    return part(rng, split, rng.random() < 0.5)


def other(rng: random.Random, split: str) -> Turn:
    """What is not about capitals."""
    part = rng.choice([continent, continent, kind, opposite, opposite, compare, compare, compare, following])
    return part(rng, split, rng.random() < 0.5)


def capital_any(rng: random.Random, split: str) -> Turn:
    """The factual half of the skill alone."""
    return capital(rng, split, rng.random() < 0.5)
