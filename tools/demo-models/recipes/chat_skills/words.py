"""Words: what kind of thing something is, opposites, colours, sounds and lists."""

import random

from common.items import TRAIN, Turn, pick

KINDS = {
    "animal": ["dog", "cat", "horse", "cow", "sheep", "pig", "lion", "tiger", "bear", "wolf", "fox", "rabbit", "mouse",
               "elephant", "monkey", "goat", "duck", "frog", "snake", "whale"],
    "fruit": ["apple", "banana", "orange", "pear", "grape", "cherry", "lemon", "peach", "plum", "mango", "strawberry",
              "melon"],
    "vegetable": ["carrot", "potato", "onion", "cabbage", "pea", "bean", "spinach", "cucumber", "pumpkin", "turnip"],
    "color": ["red", "blue", "green", "yellow", "black", "white", "brown", "purple", "pink", "gray"],
    "drink": ["water", "milk", "tea", "coffee", "juice", "lemonade"],
    "vehicle": ["car", "bus", "train", "bike", "truck", "boat", "plane", "ship", "tram"],
    "tool": ["hammer", "saw", "drill", "knife", "shovel", "rake", "screwdriver"],
    "instrument": ["piano", "guitar", "violin", "drum", "flute", "trumpet"],
    "season": ["spring", "summer", "autumn", "winter"],
    "bird": ["eagle", "owl", "sparrow", "swan", "parrot", "crow", "penguin"],
    "flower": ["rose", "tulip", "daisy", "lily", "sunflower"],
    "sport": ["football", "tennis", "swimming", "hockey", "golf", "boxing"],
    "metal": ["iron", "gold", "silver", "copper", "lead", "tin"],
    "planet": ["Mercury", "Venus", "Earth", "Mars", "Jupiter", "Saturn", "Uranus", "Neptune"],
}  # fmt: skip
BARE = {"color", "drink", "season", "sport", "metal", "planet"}
NUMBERS = ["one", "two", "three", "four", "five"]
OPPOSITES = [
    ("hot", "cold"), ("big", "small"), ("tall", "short"), ("fast", "slow"), ("happy", "sad"), ("good", "bad"),
    ("up", "down"), ("left", "right"), ("day", "night"), ("old", "young"), ("full", "empty"), ("open", "closed"),
    ("light", "dark"), ("hard", "soft"), ("wet", "dry"), ("rich", "poor"), ("early", "late"), ("loud", "quiet"),
    ("clean", "dirty"), ("strong", "weak"), ("high", "low"), ("near", "far"), ("thick", "thin"), ("true", "false"),
    ("first", "last"), ("inside", "outside"), ("win", "lose"), ("buy", "sell"), ("start", "stop"), ("give", "take"),
    ("push", "pull"), ("love", "hate"), ("always", "never"), ("yes", "no"), ("cheap", "expensive"),
    ("easy", "difficult"), ("north", "south"), ("east", "west"), ("black", "white"),
]  # fmt: skip
COLORS = {
    "the sky": "blue", "grass": "green", "snow": "white", "coal": "black", "a banana": "yellow", "blood": "red",
    "a lemon": "yellow", "a tomato": "red", "milk": "white", "the sun": "yellow", "the sea": "blue",
    "chocolate": "brown", "a carrot": "orange", "a frog": "green", "an elephant": "gray", "a leaf": "green",
}  # fmt: skip
SOUNDS = {
    "dog": "woof", "cat": "meow", "cow": "moo", "sheep": "baa", "duck": "quack", "lion": "roar", "pig": "oink",
    "snake": "hiss", "frog": "ribbit", "mouse": "squeak", "wolf": "howl",
}  # fmt: skip
WHAT = ["What is {x}?", "Tell me what {x} is.", "What's {x}?", "What kind of thing is {x}?", "Which kind of thing is {x}?", "To which group belongs {x}?",
        "{x}: what is it?", "What type of thing is {x}?", "Can you tell me what {x} is?", "Do you know what {x} is?",
        "Which group has {x} in it?", "{x} is what kind of thing?", "{x} belongs to which group?", "What class of thing is {x}?",
        "Name the kind of thing that {x} is.", "Into which group falls {x}?", "Please tell me what {x} is.", "And {x}, what is it?",
        "Which type of thing is {x}?", "Which class of thing is {x}?", "I want to know what {x} is.", "Could you tell me what {x} is?",
        "What sort of thing is {x}?", "Tell me what kind of thing {x} is."]  # fmt: skip
OPPOSITE = ["What is the opposite of {x}?", "What's the opposite of {x}?", "Name the opposite of {x}.",
            "Tell me the opposite of {x}.", "Give me the opposite of {x}.", "Opposite of {x}?", "The opposite of {x}?",
            "What word means the opposite of {x}?", "Can you tell me the opposite of {x}?", "Do you know the opposite of {x}?",
            "Please name the opposite of {x}.", "What is opposite to {x}?", "I want to know the opposite of {x}.",
            "Which word is the opposite of {x}?", "Could you tell me the opposite of {x}?"]  # fmt: skip
COLOR = ["What color is {x}?", "Which color is {x}?", "Tell me the color of {x}.", "What is the color of {x}?", "Name the color of {x}.",
         "What color does {x} have?", "Which color has {x}?", "Give me the color of {x}.", "Do you know the color of {x}?",
         "Please tell me the color of {x}.", "Can you tell me the color of {x}?"]
SOUND = ["What does {x} say?", "What sound does {x} make?", "What noise does {x} make?", "Tell me what {x} says.", "How does {x} sound?",
         "Do you know what {x} says?", "Which sound does {x} make?", "Can you tell me what {x} says?"]
LIST = ["List {n} {k}.", "Name {n} {k}.", "Give me {n} {k}.", "Tell me {n} {k}.", "Can you name {n} {k}?", "Please name {n} {k}.", "Can you list {n} {k}?", "Please tell me {n} {k}.",
        "Please give me {n} {k}.", "Please list {n} {k}.", "Could you list {n} {k}?"]  # fmt: skip


def article(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def thing(kind: str, word: str) -> str:
    return word if kind in BARE else article(word)


def plural(kind: str) -> str:
    return kind + "s"


def category(rng: random.Random, split: str) -> Turn:
    kind = rng.choice(list(KINDS))
    word = rng.choice(KINDS[kind])
    x = thing(kind, word)
    phrase = pick(rng, WHAT, split)
    question = phrase.format(x=x)
    subject = x[0].upper() + x[1:]
    return Turn(
        "categories", f"kind|{word}|{phrase}", question[0].upper() + question[1:], f"{subject} is {article(kind)}.",
        kind, {"word": word, "kind": kind}, (f"{subject} is", f" {article(kind)}."), (kind,),
    )  # fmt: skip


def opposite(rng: random.Random, split: str) -> Turn:
    first, second = rng.choice(OPPOSITES)
    if rng.random() < 0.5:
        first, second = second, first
    phrase = pick(rng, OPPOSITE, split)
    return Turn(
        "opposites", f"opposite|{first}|{phrase}", phrase.format(x=first), f"The opposite of {first} is {second}.",
        second, {"word": first, "opposite": second}, (f"The opposite of {first} is", f" {second}."), (second,),
    )  # fmt: skip


def color(rng: random.Random, split: str) -> Turn:
    x, shade = rng.choice(list(COLORS.items()))
    phrase = pick(rng, COLOR, split)
    subject = x[0].upper() + x[1:]
    return Turn("categories", f"color|{x}|{phrase}", phrase.format(x=x), f"{subject} is {shade}.", shade,
                {"thing": x.split()[-1], "color": shade}, (f"The color of {x} is", f" {shade}."), (shade,))  # fmt: skip


def sound(rng: random.Random, split: str) -> Turn:
    animal, noise = rng.choice(list(SOUNDS.items()))
    phrase = pick(rng, SOUND, split)
    return Turn("categories", f"sound|{animal}|{phrase}", phrase.format(x=article(animal)),
                f"{article(animal).capitalize()} says {noise}.", noise, {"animal": animal, "sound": noise},
                (f"{article(animal).capitalize()} says", f" {noise}."), (noise,))  # fmt: skip


def listing(rng: random.Random, split: str) -> Turn:
    """The first few of a kind, always in the order of the table, so that there is one right answer."""
    kind = rng.choice([kind for kind, words in KINDS.items() if len(words) >= 5])
    count = rng.randint(2, 5)
    number = rng.choice([NUMBERS[count - 1], str(count)])
    words = KINDS[kind][:count]
    phrase = pick(rng, LIST, split)
    answer = ", ".join(words)
    answer = answer[0].upper() + answer[1:] + "."
    intro = f"Here are {number} {plural(kind)}:"
    return Turn("lists", f"list|{kind}|{count}|{phrase}", phrase.format(n=number, k=plural(kind)), answer, None,
                {plural(kind): words}, (intro, f" {answer[0].lower() if kind != 'planet' else answer[0]}{answer[1:]}"),
                (answer,))  # fmt: skip


def name_one(rng: random.Random, split: str) -> Turn:
    kind = rng.choice(list(KINDS))
    word = KINDS[kind][0]
    phrase = rng.choice(["Name {k}.", "Tell me {k}.", "Give me {k}."])
    answer = thing(kind, word)
    return Turn("lists", "", phrase.format(k=article(kind)), answer[0].upper() + answer[1:] + ".",
                word, {"kind": kind, "name": word}, None, (word,))  # fmt: skip


def sample(rng: random.Random, split: str) -> Turn:
    parts = [category, category, opposite, opposite, color, sound]
    return rng.choice([*parts, name_one] if split == TRAIN else parts)(rng, split)
