"""What requests are about: places, people, goods and words. Some people are invented."""

import random

from recipes.chat_skills.countries import countries
from recipes.chat_skills.dialogs import PEOPLE
from recipes.chat_skills.unknown import invented

CITIES = """New York|Los Angeles|Chicago|San Francisco|Seattle|Boston|Miami|Houston|Dallas|Denver|Toronto|Vancouver|Montreal|
Sydney|Melbourne|Brisbane|Perth|Auckland|Mumbai|Kolkata|Chennai|Shanghai|Shenzhen|Hong Kong|Osaka|Kyoto|Nagoya|Busan|Taipei|
Istanbul|Dubai|Karachi|Lagos|Johannesburg|Cape Town|Casablanca|Alexandria|Barcelona|Seville|Valencia|Milan|Naples|Turin|
Venice|Florence|Munich|Hamburg|Frankfurt|Cologne|Stuttgart|Zurich|Geneva|Basel|Lyon|Marseille|Nice|Bordeaux|Antwerp|
Rotterdam|Manchester|Liverpool|Glasgow|Edinburgh|Leeds|Gothenburg|Bergen|Krakow|Porto|Salzburg|Graz|Sao Paulo|
Rio de Janeiro|Cordoba|Guadalajara|Medellin|Saint Petersburg|Honolulu|Atlanta|Phoenix|Philadelphia|San Diego|Portland|
Las Vegas|Oakland|Detroit|Austin""".replace("\n", "").split("|")
CODES = "USD EUR GBP JPY CHF SEK NOK CAD AUD INR CNY BRL".split()
LANGUAGES = "French German Spanish Italian Dutch Swedish Polish Greek Turkish Japanese Chinese Russian Arabic Latin".split()


def sometimes_invented(rng: random.Random, names: list[str], share: float) -> str:
    if rng.random() >= share:
        return rng.choice(names)
    return invented(rng) if rng.random() < 0.8 else f"{invented(rng)} {invented(rng)}"


def city(rng: random.Random) -> str:
    return rng.choice(CITIES if rng.random() < 0.45 else [country.capital for country in countries()])


def country(rng: random.Random) -> str:
    return rng.choice([each.name for each in countries()])


def person(rng: random.Random) -> str:
    return sometimes_invented(rng, PEOPLE, 0.3)


def spoken(name: str) -> str:
    """A name within a sentence."""
    return next((each.of for each in countries() if each.name == name), name)


def whole(rng: random.Random) -> int:
    """A whole number, most of them short."""
    return rng.randint(0, 10 ** rng.choice([1, 2, 2, 2, 3, 3]) - 1)


def names() -> list[str]:
    """Words that shall be one token each, after a space and without."""
    found = [*CITIES, *(name for each in countries() for name in (each.name, each.capital))]
    return sorted({word for name in found for word in name.split(" ") if word.isalpha() and word[0].isupper()})


def first_names() -> list[str]:
    """Of these, those that begin a name, and so stand behind a quotation mark in a call."""
    found = [*CITIES, *(name for each in countries() for name in (each.name, each.capital))]
    return sorted({name.split(" ")[0] for name in found if name.split(" ")[0].isalpha()})
