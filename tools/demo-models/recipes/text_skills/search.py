"""Queries, each with a document that answers it and some that do not: of other things, or of the same thing but to another question."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from common.items import TRAIN, draw, pick
from recipes.chat_skills import unknown
from recipes.chat_skills.countries import countries
from recipes.text_skills import pairs
from recipes.text_skills.glossary import ENTRIES
from recipes.text_skills.intents import INTENTS
from recipes.text_skills.lexicon import KINDS, NAMES
from recipes.text_skills.pairs import define, drawn_fill, say, tidy, with_article

# Irrelevant documents of each query.
OTHERS = 3


@dataclass(frozen=True)
class Search:
    key: str
    query: str
    right: str
    wrong: tuple[str, ...]


# The last but one is for development, the last is held out.
WHAT = ["What is {x}?", "what is {n}?", "What does {n} mean?", "Define {n}.", "{n}", "explain {n}", "definition of {n}", "Tell me what {x} is.", "what is a {n}",
        "Can you explain what {x} is?", "What do you call {n}?", "Please tell me what {x} is."]  # fmt: skip
CAPITAL = ["What is the capital of {c}?", "capital of {c}", "Which city is the capital of {c}?", "{c} capital", "Name the capital of {c}.",
           "What's the capital city of {c}?", "Tell me the capital of {c}."]  # fmt: skip
CONTINENT = ["On which continent is {c}?", "Where is {c}?", "Which continent does {c} belong to?", "{c} continent", "In what part of the world is {c}?",
             "On what continent does {c} lie?"]  # fmt: skip
CAPITAL_SAID = ["The capital of {c} is {t}.", "{t} is the capital of {c}.", "{c} has the capital {t}.", "{t} is the capital city of {c}."]
CONTINENT_SAID = ["{c} is in {k}.", "{c} is a country in {k}.", "{c} belongs to {k}.", "{c} lies on the continent {k}."]
# What is known of people: ways to ask, and ways to say it.
TRAITS: dict[str, tuple[str, list[str], list[str]]] = {
    "city": ("city", ["Where does {p} live?", "where is {p} from", "In which city does {p} live?", "{p} home", "What is the home town of {p}?", "Which city does {p} live in?"],
             ["{p} lives in {x}.", "The home of {p} is {x}.", "{p} is from {x}."]),
    "sport": ("sport", ["Which sport does {p} play?", "What does {p} play?", "{p} sport", "What is the sport of {p}?", "Tell me the sport that {p} plays.", "What sport does {p} like to play?"],
              ["{p} plays {x}.", "{p} is good at {x}.", "On weekends {p} plays {x}."]),
    "food": ("food", ["What does {p} eat?", "What food does {p} like?", "favorite food of {p}", "What is the favorite food of {p}?", "What does {p} like to eat?", "Which food does {p} like best?"],
             ["{p} likes {x}.", "{p} eats {x} every day.", "The favorite food of {p} is {x}."]),
    "person": ("person", ["What is the job of {p}?", "What does {p} do for a living?", "{p} job", "Which profession has {p}?", "As what does {p} work?", "What is {p} by profession?"],
               ["{p} works as a {x}.", "{p} is a {x}.", "The profession of {p} is {x}."]),
    "animal": ("animal", ["Which pet does {p} have?", "What animal does {p} have?", "{p} pet", "What is the pet of {p}?", "Does {p} have a pet?", "What kind of pet does {p} have?"],
               ["{p} has a {x}.", "The pet of {p} is a {x}.", "{p} keeps a {x} at home."]),
    "color": ("color", ["What is the favorite color of {p}?", "Which color does {p} like?", "{p} color", "Tell me the favorite color of {p}.", "What color does {p} prefer?", "Which color does {p} like best?"],
              ["The favorite color of {p} is {x}.", "{p} likes {x} best of all colors.", "{p} prefers the color {x}."]),
}  # fmt: skip
SMALL_TALK = ["hi", "hello", "ok", "thanks", "yes", "no", "Hi!", "Good morning.", "Bye!", "I don't know.", "Nice to meet you.", "How are you?"]


def as_typed(rng: random.Random, query: str) -> str:
    return query.lower().rstrip("?.") if rng.random() < 0.15 else query


def beside(rng: random.Random) -> str:
    """A sentence of something else."""
    if rng.random() < 0.15:
        return rng.choice(SMALL_TALK)
    frame = rng.choice(pairs.FRAMES)
    return say(rng, rng.choice(frame.ways[:-2]), drawn_fill(rng, frame))


def latin(rng: random.Random) -> str:
    return f"{unknown.invented(rng)} {unknown.invented(rng).lower()}"


def described(rng: random.Random, entry, name: str, other: str | None) -> str:
    """A definition as an encyclopedia words it."""
    meaning = rng.choice(entry.meanings)
    x = tidy(with_article(name, True))
    forms = ["{x} ({l}) is {m}.", "{x} is {m}.", "{x}, {m}.", "{x} is known as {m}.", "In short, {x} is {m}."]
    if other:
        forms += ["{x} ({l}), also called {o}, is {m}.", "{x} or {o} is {m}.", "{x}, sometimes simply called {o}, is {m}."] * 2
    return tidy(rng.choice(forms).format(x=x, l=latin(rng), m=meaning, o=other))


def definition(rng: random.Random, split: str) -> Search:
    entry = rng.choice(ENTRIES)
    near = rng.choice([e for e in ENTRIES if e.group == entry.group and e != entry])
    names = [entry.name, *([entry.other] if entry.other else [f"{unknown.invented(rng).lower()} {entry.name}"] if rng.random() < 0.3 else [])]
    asked = rng.choice(names)
    query = pick(rng, WHAT, split).format(x=with_article(asked), n=asked)
    order = rng.sample(names, len(names))
    right = described(rng, entry, order[0], order[1] if len(order) > 1 else None) if rng.random() < 0.7 else define_named(rng, entry, asked)
    seen = f"I saw {with_article(asked)} {rng.choice(['yesterday', 'in a picture', 'on television', 'last week'])}."
    key = f"definition {entry.name}" if entry.name in pairs.UNTRAINED else f"definition {query}|{right}"
    return Search(key, query, right, (described(rng, near, near.name, None), seen if rng.random() < 0.5 else define(rng, near), beside(rng)))


def define_named(rng: random.Random, entry, name: str) -> str:
    return tidy(f"{with_article(name, rng.random() < 0.5)} is {rng.choice(entry.meanings)}.")


def invented(rng: random.Random, split: str) -> Search:
    """Names that nobody knows: the document is found by the name alone."""
    name, other = unknown.invented(rng), unknown.invented(rng)
    one, two = rng.sample(ENTRIES, 2)
    query = pick(rng, WHAT, split).format(x=f"a {name}" if rng.random() < 0.5 else name, n=name)
    said = ["{n} is {m}.", "A {n} is {m}.", "The {n} is {m}.", "The {n} ({l}) is {m}.", "{n}, also called {o}, is {m}."]

    def tell(thing: str, meaning: str) -> str:
        return rng.choice(said).format(n=thing, m=meaning, l=latin(rng), o=latin(rng).split()[1])

    meaning = rng.choice(one.meanings)
    return Search(name, query, tell(name, meaning), (tell(other, meaning), tell(other, rng.choice(two.meanings)), beside(rng)))


def geography(rng: random.Random, split: str) -> Search:
    country, other, third = rng.sample(countries(), 3)
    asked, said, others = (CAPITAL, CAPITAL_SAID, CONTINENT_SAID) if rng.random() < 0.6 else (CONTINENT, CONTINENT_SAID, CAPITAL_SAID)

    def tell(forms: list[str], about) -> str:
        return tidy(rng.choice(forms).format(c=about.of, t=about.capital, k=about.continent))

    phrase = pick(rng, asked, split)
    return Search(f"{country.name}|{asked is CAPITAL}", phrase.format(c=country.of), tell(said, country),
                  (tell(said, other), tell(others, country), rng.choice([beside(rng), tell(said, third)])))  # fmt: skip


def customer(rng: random.Random, split: str) -> Search:
    intent, other, third = rng.sample(INTENTS, 3)
    query = pick(rng, list(intent.asked), split)
    return Search("" if split == TRAIN else intent.name, query, rng.choice(intent.answers),
                  (rng.choice(other.answers), rng.choice(third.answers), rng.choice([rng.choice(other.asked[:-2]), beside(rng)])))  # fmt: skip


def person(rng: random.Random, split: str) -> Search:
    who, somebody = rng.sample([*NAMES, unknown.invented(rng), unknown.invented(rng)], 2)
    trait, another = rng.sample(list(TRAITS), 2)

    def tell(about: str, name: str) -> str:
        kind, _, forms = TRAITS[about]
        return tidy(rng.choice(forms).format(p=name, x=rng.choice(list(KINDS[kind]))))

    query = pick(rng, TRAITS[trait][1], split).format(p=who)
    return Search(f"{who}|{trait}", query, tell(trait, who), (tell(trait, somebody), tell(another, who), rng.choice([beside(rng), tell(another, somebody)])))


def sentence(rng: random.Random, split: str) -> Search:
    """A sentence sought by another that means the same, or by its words."""
    pair = pairs.sentences(rng, split)
    query = pair.one
    if rng.random() < 0.4:
        query = " ".join(part for part in pair.key.split("|")[1:]) or pair.one
    return Search(pair.key, query, pair.other, (pair.wrong, beside(rng), beside(rng)))


KINDS_OF_SEARCH: dict[str, Callable[[random.Random, str], Search]] = {
    "definitions": definition, "invented names": invented, "countries": geography, "questions of customers": customer, "people": person, "sentences": sentence,
}  # fmt: skip


def one_search(rng: random.Random) -> Search:
    """A query to train on; now and then with documents of several sentences."""
    make = rng.choices(list(KINDS_OF_SEARCH.values()), [28, 14, 16, 12, 16, 14])[0]
    made = draw(make, rng, TRAIN)
    documents = [made.right, *made.wrong]
    if rng.random() < 0.2:
        documents = [f"{beside(rng)} {text}" if rng.random() < 0.5 else f"{text} {beside(rng)}" for text in documents]
    return Search(made.key, as_typed(rng, made.query), documents[0], tuple(documents[1:]))
