"""Very short stories about an animal or a person, which keep to their subject to the end."""

import random

from common.items import TRAIN, Turn, pick

SUBJECTS = ["cat", "dog", "horse", "mouse", "bear", "fox", "rabbit", "duck", "frog", "lion", "pig", "wolf", "girl", "boy",
            "king", "queen", "farmer", "robot", "dragon", "owl"]  # fmt: skip
NAMES = ["Tom", "Mia", "Max", "Lily", "Sam", "Anna", "Ben", "Nora", "Leo", "Ella"]
ADJECTIVES = ["small", "brave", "happy", "kind", "old", "funny", "clever", "shy"]
PLACES = ["forest", "house", "garden", "village", "castle", "valley"]
THINGS = ["ball", "hat", "key", "boat", "book", "flower", "bell", "cake"]
FRIENDS = ["bird", "bee", "snail", "turtle", "goat", "hen"]
MIDDLES = [
    "One day the {s} found a {t}. The {s} gave the {t} to a {f}.",
    "One day the {s} lost a {t}. A {f} helped the {s} to find it.",
    "One day the {s} met a {f}. The {f} had a {t} and the {s} had none, so they shared.",
    "One day it rained and the {s} was alone. Then a {f} came with a {t}.",
]
ENDS = [
    "After that, {n} the {s} and the {f} were friends.",
    "From then on, the {s} was never sad again.",
    "In the evening, {n} the {s} went home and slept well.",
]
ASK = ["Tell me a very short story about {s}.", "Tell me a story about {s}.", "Write a short story about {s}.",
       "Write a story about {s}.", "Can you tell a story about {s}?", "A story about {s}, please.",
       "I want to hear a story about {s}.", "Please tell me a short story about {s}.", "I would like a short story about {s}."]  # fmt: skip


def with_article(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def sample(rng: random.Random, split: str) -> Turn:
    subject = rng.choice(SUBJECTS)
    phrase = pick(rng, ASK, split)
    words = {"s": subject, "n": rng.choice(NAMES), "t": rng.choice(THINGS), "f": rng.choice(FRIENDS)}
    adjective, place = rng.choice(ADJECTIVES), rng.choice(PLACES)
    opening = f"Once upon a time there was {with_article(subject)}"
    rest = f" named {words['n']}. The {subject} was {adjective} and lived in a {place}. "
    rest += f"{rng.choice(MIDDLES)} {rng.choice(ENDS)}".format(**words)
    if rng.random() < 0.1 and split == TRAIN:
        return Turn("stories", "", rng.choice(["Tell me a story.", "Tell me a short story.", "Write a story."]),
                    opening + rest, None, {}, ("Once upon a time", opening[len("Once upon a time"):] + rest), (subject,))
    return Turn("stories", f"story|{subject}|{phrase}", phrase.format(s=with_article(subject)), opening + rest, None, {},
                (opening, rest), (subject,))  # fmt: skip
