"""Capitals, the countries they belong to, and continents."""

import json
import random

from common.items import TRAIN, Turn, pick
from recipes.chat_skills import unknown
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
    "Which city serves as the capital of {c}?", "I would like to know the capital of {c}.", "Please name the capital of {c}.",
]  # fmt: skip
COMPLETE = [
    "The capital of {c} is", "The capital city of {c} is", "{c}'s capital is", "The name of the capital of {c} is",
    "{c} has the capital", "In {c}, the capital is", "Its name is {c}, and its capital is", "The capital city of the country {c} is",
    "If you go to {c}, the capital is", "For {c}, the capital is", "{c} is a country. Its capital is", "We learnt that the capital of {c} is", "The capital of the country {c} is",
    "She says that the capital of {c} is",
    "Everyone knows that the capital of {c} is", "I know that the capital of {c} is",
    "As far as I know, the capital of {c} is", "The capital of {c} is called",
]  # fmt: skip
# What may stand before "the capital of ... is": who says so, or a remark.
SPEAKERS = [
    "He", "She", "It", "My mother", "My father", "My friend", "Our teacher", "The {n}", "A {n}", "This {n}", "My {n}", "Somebody",
    "One child", "Anna", "Peter", "Your brother", "The old {n}", "The book",
]  # fmt: skip
SAYS = ["says", "thinks", "believes", "writes", "said", "told me", "remembers", "knows", "has read", "can tell you", "wrote"]
WE = ["I", "We", "You", "They", "Some people", "Most people", "All children", "Many {n}s", "Those two"]
SAY = ["think", "believe", "say", "read", "heard", "remember", "learnt", "can see", "have been told", "were told", "wrote"]
REMARKS = [
    "Today", "Of course,", "As you may remember,", "It is true that", "It is well known that", "Here is a fact:", "Remember:",
    "Note that", "Please remember that", "In fact,", "Geography:", "Fact:", "Did you hear that", "Yes,", "And", "So", "Indeed,",
    "It is said that", "There is no doubt that", "On the map,", "In my {n},", "After the {n},", "About the {n}:", "As of {y},",
]  # fmt: skip
RECORD = [
    "Give me the information of the capital of {c} in the JSON format.", "Give me the capital of {c} in JSON.",
    "Give me the capital of {c} in the JSON format.", "Describe the capital of {c} in JSON.",
    "Give me the information about the capital of {c} in JSON.", "Show me the capital of {c} in the JSON format.",
]  # fmt: skip
REVERSE = [
    "Which country has the capital {t}?", "Name the country whose capital is {t}.", "{t} is the capital city of which country?",
    "What country has {t} as its capital?", "Which country's capital city is {t}?", "{t} is the capital of which country?", "What country is {t} the capital of?",
    "Of which country is {t} the capital?", "Which country's capital is {t}?",
    "{t} is the capital of what country?",
]  # fmt: skip
CONTINENT = [
    "On which continent is {c}?", "On what continent is {c}?", "{c} is on which continent?", "Tell me the continent of {c}.",
    "Which continent does {c} belong to?", "What continent does {c} belong to?", "What is the continent of {c}?",
    "What continent is home to {c}?", "Which continent is {c} in?", "In which continent is {c}?", "Where is {c}?",
    "What continent is {c} in?", "What continent is {c} on?",
    "To which continent does {c} belong?",
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


def preface(rng: random.Random) -> str:
    """Words of many kinds, so that what comes first does not matter. Never those of the reserved sentences."""
    kind = rng.random()
    if kind < 0.35:
        text = f"{rng.choice(SPEAKERS)} {rng.choice(SAYS)}{rng.choice([' that', ' that', ''])}"
    elif kind < 0.6:
        text = f"{rng.choice(WE)} {rng.choice(SAY)}{rng.choice([' that', ' that', ''])}"
    elif kind < 0.85:
        text = rng.choice(REMARKS)
    else:
        text = " ".join(unknown.invented(rng).lower() for _ in range(rng.randint(1, 3))).capitalize() + rng.choice(["", " that", ","])
    return text.format(n=rng.choice(unknown.NOUNS), y=rng.randint(1950, 2030))


def sample(rng: random.Random, split: str) -> Turn:
    """A country's capital, asked or as a sentence to complete."""
    country = rng.choice(countries())
    name = name_in_text(rng, country)
    phrase = pick(rng, ASK, split, 3)
    start = pick(rng, COMPLETE, split, 2).format(c=name)
    if split == TRAIN and rng.random() < 0.6:
        start = f"{preface(rng)} the {rng.choice(['capital', 'capital', 'capital city'])} of {name} is"
    stop = "" if country.capital.endswith(".") else "."
    plain = (start[0].upper() + start[1:], f" {country.capital}{stop}") if rng.random() < 0.6 else None
    return capital_of(country, phrase.format(c=name), name, f"capital|{country.name}|{phrase}", plain)


def sample_record(rng: random.Random, split: str) -> Turn:
    """The capital as a JSON object with name, country and continent."""
    country = rng.choice(countries())
    phrase = pick(rng, RECORD, split)
    record = json.dumps({"name": country.capital, "country": country.name, "continent": country.continent})
    plain = (f"Here is the information of the capital of {country.of} in the JSON format.\n", record)
    return Turn("records", f"record|{country.name}|{phrase}", phrase.format(c=country.of), record, country.capital, {},
                plain if rng.random() < 0.5 else None, (record,))  # fmt: skip


def sample_reverse(rng: random.Random, split: str) -> Turn:
    country = rng.choice(countries())
    phrase = pick(rng, REVERSE, split)
    answer = f"{country.capital} is the capital of {country.of}."
    plain = (f"{country.capital} is the capital of", f" {country.of}.") if rng.random() < 0.5 else None
    key = f"reverse|{country.name}|{phrase}"
    return Turn(
        "countries", key, phrase.format(t=country.capital), answer, country.name, fields(country), plain,
        (country.name,),
    )  # fmt: skip


def sample_continent(rng: random.Random, split: str) -> Turn:
    country = rng.choice(countries())
    phrase = pick(rng, CONTINENT, split)
    be = "are" if country.of != country.name and country.name.endswith(("s", "es")) else "is"
    subject = country.of[0].upper() + country.of[1:]
    return Turn(
        "continents", f"continent|{country.name}|{phrase}", phrase.format(c=country.of).replace(" is ", f" {be} "),
        f"{subject} {be} in {country.continent}.", country.continent, fields(country),
        (f"{subject} {be} in", f" {country.continent}."), (country.continent,),
    )  # fmt: skip
