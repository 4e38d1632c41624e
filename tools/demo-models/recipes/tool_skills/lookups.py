"""Tools that look one thing up: the time of a city, the population, the capital, the currency or the language of a country."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from common.items import TRAIN, pick
from recipes.chat_skills.countries import countries
from recipes.tool_skills import things
from recipes.tool_skills.task import Task, Tool, as_json


@dataclass(frozen=True)
class Lookup:
    """One attribute of one sort of thing. `ask` holds phrasings of its own beside those that all share, `prep` what stands
    between attribute and thing, `parameters` the names under which tools take the thing."""

    noun: str
    sort: str
    thing: Callable[[random.Random], str]
    value: Callable[[random.Random], str | int | float]
    ask: tuple[str, ...] = ()
    prep: str = "of"
    parameters: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()


def clock(rng: random.Random) -> str:
    hour, minute = rng.randint(0, 23), rng.randint(0, 59)
    return f"{hour:02}:{minute:02}" if rng.random() < 0.7 else f"{hour % 12 or 12}:{minute:02} {'am' if hour < 12 else 'pm'}"


def people(rng: random.Random) -> int | str:
    number = rng.randint(1000, 10 ** rng.choice([5, 6, 7, 8, 9]))
    return number if rng.random() < 0.6 else f"{number:,}" if rng.random() < 0.5 else f"{rng.randint(1, 300)} million"


def unit(low: int, high: int, *units: str):
    return lambda rng: rng.randint(low, high) if rng.random() < 0.5 else f"{rng.randint(low, high)} {rng.choice(units)}"


def full_name(rng: random.Random) -> str:
    return f"{things.person(rng)} {things.person(rng)}"


CITY = ("city",)
COUNTRY = ("country",)
SKIES = "sunny cloudy rainy clear windy foggy snowy stormy overcast warm cold hot mild dry wet".split() + \
    ["light rain", "heavy rain", "partly cloudy", "light snow", "clear sky"]  # fmt: skip
LOOKUPS = [
    Lookup("time", "city", things.city, clock,
           ("What time is it in {x}?", "What's the time in {x}?", "How late is it in {x}?", "Which time is it in {x} now?", "What time is it now in {x}?",
            "Time in {x}?", "Can you tell me what time it is in {x}?", "Do you know what time it is in {x}?", "What is the local time in {x}?",
            "What is the current time in {x}?", "What time do they have in {x}?", "How late is it now in {x}?", "What does the clock say in {x}?", "What hour is it in {x}?",
            "I want to call a friend in {x}. What time is it there?", "What time is it right now in {x}?", "Is it late in {x}?", "Give me the local time in {x}.",
            "Please tell me what time it is in {x}.", "Tell me what time it is in {x}."),
           "in", CITY, ("time",)),
    Lookup("population", "place", lambda rng: rng.choice([things.city, things.country])(rng), people,
           ("How many people live in {x}?", "How many people are there in {x}?", "How many inhabitants does {x} have?", "How big is the population of {x}?",
            "What number of people live in {x}?", "How many live in {x}?", "How large is the population of {x}?", "How many inhabitants are there in {x}?",
            "How many residents does {x} have?", "How many people are in {x}?", "What is the number of inhabitants of {x}?", "Do many people live in {x}?",
            "How many people does {x} have?", "Can you tell me how many people live in {x}?"),
           "of", ("place",), ("population", "people")),
    Lookup("currency", "country", things.country, lambda rng: rng.choice([*things.CODES, "euro", "dollar", "yen", "peso", "franc", "pound", "rupee"]),
           ("What money do they use in {x}?", "Which money is used in {x}?", "What do people pay with in {x}?", "Which currency does {x} use?", "What currency is used in {x}?",
            "Which currency do they have in {x}?", "I travel to {x}. What money do I need?", "Which currency do I need in {x}?", "What can I pay with in {x}?",
            "What is used as money in {x}?", "What kind of money do people use in {x}?"), "of", COUNTRY, ("currency", "money")),
    Lookup("language", "country", things.country, lambda rng: rng.choice(things.LANGUAGES),
           ("What language do they speak in {x}?", "Which language is spoken in {x}?", "What do people speak in {x}?", "Which language do people speak in {x}?",
            "Which language do I need in {x}?", "What is the official language of {x}?", "I travel to {x}. What do they speak there?", "Which language do they use in {x}?",
            "How do people talk in {x}?", "What is spoken in {x}?", "What language do the people of {x} speak?"), "of", COUNTRY, ("language", "speak")),
    # Never trained at all: measured as tools that are new.
    Lookup("area", "country", things.country, unit(100, 900000, "km2", "square kilometers"), ("How large is {x}?", "How big is {x}?"), "of", COUNTRY, ("area",)),
    Lookup("president", "country", things.country, full_name, ("Who is the president of {x}?", "Who leads {x}?", "Who rules {x}?"), "of", COUNTRY),
    Lookup("humidity", "city", things.city, unit(5, 99, "percent", "%"), (), "in", CITY),
    Lookup("mayor", "city", things.city, full_name, (), "of", CITY),
]  # fmt: skip
NEVER_TRAINED = 4
TRAINED, NEW = LOOKUPS[:-NEVER_TRAINED], LOOKUPS[-NEVER_TRAINED:]

ASK = ["I wonder what the {n} {p} {x} is.", "Any idea what the {n} {p} {x} is?", "Could you check the {n} {p} {x}?", "Can you give me the {n} {p} {x}?", "Please look up the {n} {p} {x}.",
       "Please check the {n} {p} {x}.", "Please give me the {n} {p} {x}.", "Can you show me the {n} {p} {x}?", "We need the {n} {p} {x}.", "Hi, what is the {n} {p} {x}?", "Say the {n} {p} {x}.",
       "Search for the {n} {p} {x}.", "I have to know the {n} {p} {x}.", "I'd like the {n} {p} {x}.", "Tell us the {n} {p} {x}.", "Can I get the {n} {p} {x}?", "{n} {p} {x}, please.",
       "The {n} {p} {x}?", "The {n} {p} {x}, please.", "For {x}, what is the {n}?", "Would you look up the {n} {p} {x}?", "Help me with the {n} {p} {x}.", "Do you have the {n} {p} {x}?",
       "I forgot the {n} {p} {x}.", "My friend asks for the {n} {p} {x}.", "I was asked for the {n} {p} {x}.", "What do you find for the {n} {p} {x}?", "Try to get the {n} {p} {x}.",
       "Which {n} {p} {x} do you see?", "Ask for the {n} {p} {x}.", "You should look up the {n} {p} {x}.", "Return the {n} {p} {x}.", "Somebody wants the {n} {p} {x}.",
       "What is the {n} {p} {x}?", "What's the {n} {p} {x}?", "Tell me the {n} {p} {x}.", "{n} {p} {x}?", "{n} {p} {x}", "I need the {n} {p} {x}.",
       "Can you look up the {n} {p} {x}?", "Please find the {n} {p} {x}.", "Do you know the {n} {p} {x}?", "Give me the {n} {p} {x}.",
       "Show me the {n} {p} {x}.", "Find out the {n} {p} {x}.", "Look up the {n} {p} {x}.", "What is {x}'s {n}?", "I want to know the {n} {p} {x}.",
       "Could you tell me the {n} {p} {x}?", "Please tell me the {n} {p} {x}.", "What is the current {n} {p} {x}?", "Can you find the {n} {p} {x}?",
       "Check the {n} {p} {x}.", "Get the {n} {p} {x}.", "Get me the {n} {p} {x}.", "What is the {n} {p} {x} right now?", "May I know the {n} {p} {x}?",
       "I would like to know the {n} {p} {x}.", "Hello! What is the {n} {p} {x}?", "Use the tools to find the {n} {p} {x}.", "Find the {n} {p} {x} for me.",
       "Let me know the {n} {p} {x}.", "I am looking for the {n} {p} {x}."]  # fmt: skip
AGAIN = ["Also {x}?", "The same for {x}.", "The same for {x}, please.", "Then {x}.", "OK, and {x}?", "Thanks. And {x}?", "Check {x} too.", "What is it {p} {x}?", "And now {x}?", "Do {x} as well.",
         "And {p} {x}?", "And {x}?", "What about {x}?", "And what about {x}?", "How about {x}?", "And the {n} {p} {x}?", "Now {x}.", "And for {x}?",
         "What about the one {p} {x}?", "And that {p} {x}?"]  # fmt: skip
NAME = "get_{n}"
DESCRIBE = ["Get the {n} {p} a {s}.", "Returns the {n} {p} a {s}.", "{n} {p} a {s}", "Look up the {n} {p} a given {s}.", "Gives the {n} {p} the {s}.",
            "Tells the {n} {p} a {s}.", "Find the {n} {p} a {s}", "Get the current {n} {p} a given {s}", "The {n} {p} a {s}.", "Get {n} {p} a {s}",
            "Return the current {n} for a {s}.", "Get the {n} for a {s}.", "Looks up the {n} by {s}.", "{n} by {s}", "Fetches the {n} {p} the given {s}"]  # fmt: skip
ANSWER = "The {n} {p} {x} is {v}."


def upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]


def lookup_tool(rng: random.Random, lookup: Lookup) -> Tool:
    text = upper_first(rng.choice(DESCRIBE).format(n=lookup.noun, p=lookup.prep, s=lookup.sort)) if rng.random() < 0.9 else ""
    name = NAME.format(n=lookup.noun.replace(" ", "_"))
    return Tool(name, text, ((rng.choice(lookup.parameters), "string"),), frozenset(lookup.topics or (lookup.noun,)))


def told(rng: random.Random, noun: str, sort: str, x: str, value: str | int | float) -> str:
    """What such a tool says: the bare value, or JSON with it and perhaps with what was asked."""
    if rng.random() < 0.35:
        return str(value)
    fields = {rng.choice([noun.replace(" ", "_"), noun.replace(" ", "_"), "result", "value", noun.split(" ")[-1]]): value}
    if rng.random() < 0.35:
        fields = {sort: x, **fields} if rng.random() < 0.6 else {**fields, sort: x}
    return as_json(rng, fields)


def task_of(rng: random.Random, split: str, lookup: Lookup) -> Task:
    x = lookup.thing(rng)
    shared = rng.random() < 0.5 or not of_own(lookup, split)
    phrase = pick(rng, ASK, split, 2) if shared else rng.choice(of_own(lookup, split))
    value = lookup.value(rng)
    tool = lookup_tool(rng, lookup)
    words = {"n": lookup.noun, "p": lookup.prep, "x": things.spoken(x)}
    return Task(
        lookup.noun, f"{lookup.noun}|{x}", tool, upper_first(phrase.format(**words)), {tool.parameters[0][0]: x},
        told(rng, lookup.noun, lookup.sort, x, value), ANSWER.format(**words, v=value), (str(value),),
        upper_first(pick(rng, AGAIN, split).format(**words)),
    )  # fmt: skip


def of_own(lookup: Lookup, split: str) -> tuple[str, ...]:
    """An attribute's own phrasings; of five or more the last two are kept, one for each side."""
    if len(lookup.ask) < 5:
        return lookup.ask if split == TRAIN else ()
    return {TRAIN: lookup.ask[:-2], "dev": lookup.ask[-2:-1], "held-out": lookup.ask[-1:]}[split]


def sample(rng: random.Random, split: str) -> Task:
    return task_of(rng, split, rng.choice(TRAINED))


def new(rng: random.Random, split: str) -> Task:
    """A tool never trained, asked for in any phrasing of the side."""
    return task_of(rng, split, rng.choice(NEW))


CAPITAL_ASK = ["What city is the capital of {x}?", "Which capital does {x} have?", "I want the capital of {x}.", "Give me the capital of {x}.", "Please tell me the capital of {x}.",
               "What is the capital of {x}?", "What's the capital of {x}?", "Which city is the capital of {x}?", "Tell me the capital of {x}.", "Capital of {x}?",
               "Look up the capital of {x}.", "Find the capital of {x}.", "Name the capital of {x}.", "What is the capital city of {x}?", "Please look up the capital of {x}.",
               "I need the capital of {x}.", "Can you tell me the capital of {x}?", "Which is the capital of {x}?", "Do you know the capital of {x}?",
               "Could you look up the capital of {x}?", "Find out the capital of {x}."]  # fmt: skip
CAPITAL = Lookup("capital", "country", things.country, lambda rng: things.city(rng), tuple(CAPITAL_ASK), "of", COUNTRY, ("capital", "city"))


def capital(rng: random.Random, split: str) -> Task:
    """The capital of a country is asked of the tool that knows it, though the model may know it too. Now and then the tool says
    another city: what it says counts."""
    name = rng.choice(countries())
    invented_answer = rng.random() < 0.3
    lookup = CAPITAL if invented_answer else Lookup(**{
        **CAPITAL.__dict__, "thing": lambda _: name.name, "value": lambda _: name.capital,
    })  # fmt: skip
    task = task_of(rng, split, lookup)
    return Task(**{**task.__dict__, "refusal": None})
