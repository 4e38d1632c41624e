"""Days, months, seasons and the numbers that go with them."""

import random

from common.items import TRAIN, Turn, pick

DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
MONTHS = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
]  # fmt: skip
LENGTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
ORDINALS = [
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
    "twelfth",
]  # fmt: skip
NEXT = ["What {u} comes after {x}?", "Which {u} is after {x}?", "What is the {u} after {x}?", "Which {u} follows {x}?",
        "What {u} is next after {x}?", "What {u} follows {x}?", "After {x} comes which {u}?", "Tell me the {u} after {x}.", "Name the {u} after {x}.",
        "Do you know the {u} after {x}?", "Give me the {u} after {x}.",
        "Which {u} comes right after {x}?", "What {u} comes directly after {x}?"]  # fmt: skip
BEFORE = ["What {u} comes before {x}?", "Which {u} is before {x}?", "What is the {u} before {x}?", "What {u} is right before {x}?", "Tell me the {u} before {x}.",
          "Which {u} precedes {x}?", "Before {x} comes which {u}?", "Name the {u} before {x}.", "Do you know the {u} before {x}?",
          "Give me the {u} before {x}.", "Which {u} comes right before {x}?", "What {u} comes directly before {x}?"]  # fmt: skip
NTH = ["What is the {n} {u} of the {w}?", "Which {u} is the {n} of the {w}?", "Name the {n} {u} of the {w}.",
       "Give me the {n} {u} of the {w}.", "Which is the {n} {u} of the {w}?", "What {u} is the {n} of the {w}?", "Do you know the {n} {u} of the {w}?",
       "Can you name the {n} {u} of the {w}?", "The {n} {u} of the {w}?", "Tell me the {n} {u} of the {w}.", "Please name the {n} {u} of the {w}."]  # fmt: skip
LENGTH = ["How many days does {x} have?", "How many days are in {x}?", "What number of days does {x} have?", "Tell me how many days {x} has.",
          "How many days are there in {x}?", "Can you tell me how many days {x} has?"]
FIXED = [
    ("How many days are in a week?", "There are 7 days in a week.", "7"),
    ("How many months are in a year?", "There are 12 months in a year.", "12"),
    ("How many seasons are in a year?", "There are 4 seasons in a year.", "4"),
    ("How many hours are in a day?", "There are 24 hours in a day.", "24"),
    ("How many minutes are in an hour?", "There are 60 minutes in an hour.", "60"),
    ("How many seconds are in a minute?", "There are 60 seconds in a minute.", "60"),
    ("How many days are in a year?", "There are 365 days in a year.", "365"),
    ("List the days of the week.", ", ".join(DAYS) + ".", None),
    ("Name the days of the week.", ", ".join(DAYS) + ".", None),
    ("What are the days of the week?", ", ".join(DAYS) + ".", None),
    ("List the months of the year.", ", ".join(MONTHS) + ".", None),
    ("Name the months of the year.", ", ".join(MONTHS) + ".", None),
    ("What are the months of the year?", ", ".join(MONTHS) + ".", None),
    ("What are the seasons?", "Spring, summer, autumn and winter.", None),
    ("List the four seasons.", "Spring, summer, autumn and winter.", None),
]


def sample(rng: random.Random, split: str) -> Turn:
    unit, names, whole = rng.choice([("day", DAYS, "week"), ("month", MONTHS, "year")])
    index = rng.randrange(len(names))
    name = names[index]
    kind = rng.choice(["next", "before", "nth", "length", "fixed"] if split == TRAIN else ["next", "before", "nth"])
    if kind in ("next", "before"):
        step, word = (1, "after") if kind == "next" else (-1, "before")
        other = names[(index + step) % len(names)]
        phrase = pick(rng, NEXT if kind == "next" else BEFORE, split)
        return Turn(
            "calendar", f"{kind}|{name}|{phrase}", phrase.format(u=unit, x=name),
            f"The {unit} {word} {name} is {other}.", other, {unit: name, kind: other},
            (f"The {unit} {word} {name} is", f" {other}."), (f"is {other}",),
        )  # fmt: skip
    if kind == "nth":
        phrase = pick(rng, NTH, split)
        return Turn(
            "calendar", f"nth|{name}|{phrase}", phrase.format(n=ORDINALS[index], u=unit, w=whole),
            f"The {ORDINALS[index]} {unit} of the {whole} is {name}.", name, {unit: name, "number": index + 1},
            (f"The {ORDINALS[index]} {unit} of the {whole} is", f" {name}."), (f"is {name}",),
        )  # fmt: skip
    if kind == "length":
        month = rng.randrange(12)
        phrase = pick(rng, LENGTH, split)
        return Turn(
            "calendar", f"length|{month}|{phrase}", phrase.format(x=MONTHS[month]),
            f"{MONTHS[month]} has {LENGTHS[month]} days.", str(LENGTHS[month]),
            {"month": MONTHS[month], "days": LENGTHS[month]}, None, (f"{LENGTHS[month]} days",),
        )  # fmt: skip
    question, answer, short = rng.choice(FIXED)
    return Turn("calendar", "", question, answer, short, {}, None, (answer,))
