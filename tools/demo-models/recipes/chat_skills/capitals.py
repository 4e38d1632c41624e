"""Capitals, the countries they belong to, and continents."""

import json
import random

from common.items import Turn, pick
from recipes.chat_skills.countries import Country, countries

ASK = [
    "What is the capital of {c}?", "What's the capital of {c}?", "Which city is the capital of {c}?",
    "Name the capital of {c}.", "Tell me the capital of {c}.", "What is the capital city of {c}?",
    "Can you tell me the capital of {c}?", "Do you know the capital of {c}?", "The capital of {c}?",
    "What is {c}'s capital?", "Give me the capital of {c}.", "capital of {c}",
    "Can you name the capital of {c}?", "Please tell me the capital city of {c}.", "What city is the capital of {c}?",
    "What is the name of the capital of {c}?", "I want to know the capital of {c}.", "Please give me the capital of {c}.",
    "Could you give me the capital city of {c}?", "{c}: what is its capital?", "Which city is the capital city of {c}?",
    "Which city is {c}'s capital?", "Please name the capital city of {c}.", "Could you tell me the capital of {c}?",
]  # fmt: skip
COMPLETE = [
    "The capital of {c} is", "The capital city of {c} is", "{c}'s capital is", "The name of the capital of {c} is",
    "{c} has the capital", "In {c}, the capital is", "We learnt that the capital of {c} is", "The capital of the country {c} is",
    "She says that the capital of {c} is",
    "Everyone knows that the capital of {c} is", "I know that the capital of {c} is",
]  # fmt: skip
RECORD = [
    "Give me the information of the capital of {c} in the JSON format.", "Give me the capital of {c} in JSON.",
    "Give me the capital of {c} in the JSON format.", "Describe the capital of {c} in JSON.",
    "Give me the information about the capital of {c} in JSON.",
]  # fmt: skip
REVERSE = [
    "Which country has the capital {t}?", "{t} is the capital of which country?", "What country is {t} the capital of?",
    "Of which country is {t} the capital?", "Which country's capital is {t}?",
]  # fmt: skip
CONTINENT = [
    "On which continent is {c}?", "Which continent is {c} in?", "In which continent is {c}?", "Where is {c}?",
    "What continent is {c} in?", "What continent is {c} on?",
]  # fmt: skip


def fields(country: Country) -> dict:
    return {"country": country.name, "capital": country.capital, "continent": country.continent}


def name_in_text(rng: random.Random, country: Country) -> str:
    """Mostly with its article, sometimes as people type it."""
    return country.name if rng.random() < 0.15 else country.of


def capital_of(country: Country, question: str, name: str, key: str, plain: tuple[str, str] | None = None) -> Turn:
    stop = "" if country.capital.endswith(".") else "."
    return Turn(
        "capitals", key, question, f"The capital of {name} is {country.capital}{stop}", country.capital,
        fields(country), plain, (country.capital,),
    )  # fmt: skip


def sample(rng: random.Random, split: str) -> Turn:
    """A country's capital, asked or as a sentence to complete."""
    country = rng.choice(countries())
    name = name_in_text(rng, country)
    phrase = pick(rng, ASK, split, 3)
    start = pick(rng, COMPLETE, split, 2).format(c=name)
    stop = "" if country.capital.endswith(".") else "."
    plain = (start[0].upper() + start[1:], f" {country.capital}{stop}") if rng.random() < 0.6 else None
    return capital_of(country, phrase.format(c=name), name, f"capital|{country.name}|{phrase}", plain)


def sample_record(rng: random.Random, split: str) -> Turn:
    """The capital as a JSON object with name, country and continent."""
    country = rng.choice(countries())
    phrase = pick(rng, RECORD, split, 1)
    record = json.dumps({"name": country.capital, "country": country.name, "continent": country.continent})
    plain = (f"Here is the information of the capital of {country.of} in the JSON format.\n", record)
    return Turn("records", f"record|{country.name}|{phrase}", phrase.format(c=country.of), record, country.capital, {},
                plain if rng.random() < 0.5 else None, (record,))  # fmt: skip


def sample_reverse(rng: random.Random, split: str) -> Turn:
    country = rng.choice(countries())
    phrase = pick(rng, REVERSE, split, 1)
    answer = f"{country.capital} is the capital of {country.of}."
    plain = (f"{country.capital} is the capital of", f" {country.of}.") if rng.random() < 0.5 else None
    key = f"reverse|{country.name}|{phrase}"
    return Turn(
        "countries", key, phrase.format(t=country.capital), answer, country.name, fields(country), plain,
        (country.name,),
    )  # fmt: skip


def sample_continent(rng: random.Random, split: str) -> Turn:
    country = rng.choice(countries())
    phrase = pick(rng, CONTINENT, split, 1)
    be = "are" if country.of != country.name and country.name.endswith(("s", "es")) else "is"
    subject = country.of[0].upper() + country.of[1:]
    return Turn(
        "continents", f"continent|{country.name}|{phrase}", phrase.format(c=country.of).replace(" is ", f" {be} "),
        f"{subject} {be} in {country.continent}.", country.continent, fields(country),
        (f"{subject} {be} in", f" {country.continent}."), (country.continent,),
    )  # fmt: skip
