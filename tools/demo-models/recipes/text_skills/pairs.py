"""Pairs of texts that mean the same, each with one that means something else in almost the same words."""

import random
import re
from dataclasses import dataclass

from common.items import TRAIN, draw, of_side, side
from recipes.chat_skills import unknown
from recipes.chat_skills.countries import countries
from recipes.text_skills.frames import FRAMES, Frame
from recipes.text_skills.glossary import BARE, ENTRIES, Entry
from recipes.text_skills.intents import INTENTS
from recipes.text_skills.lexicon import KINDS, NAMES, WIDER

WHEN = ["today", "now", "outside", "right now", "here", "at the moment", "this morning", "in town"]
NUMBERS = {str(n): [str(n), word] for n, word in enumerate("zero one two three four five six seven eight nine ten eleven twelve".split())}
NUMBERS |= {str(n): [str(n)] for n in range(13, 60)}
SLOT = re.compile(r"\{(\w+?)(2?)\}")


@dataclass(frozen=True)
class Pair:
    """`one` and `other` mean the same, `wrong` does not. `key` says on which side the pair lies, `topic` which pairs are near to each other."""

    key: str
    topic: str
    one: str
    other: str
    wrong: str
    # Pairs of one subject mean the same, whatever their keys.
    subject: str = ""

    @property
    def meaning(self) -> str:
        return self.subject or self.key or self.topic


def tidy(text: str) -> str:
    """Articles and the capital at the beginning put right."""
    text = re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", text)
    text = re.sub(r"\b(?:[Aa]n?|[Tt]he|My|my) (?=(an?|the) )", "", text)
    return text[0].upper() + text[1:]


def concepts(slot: str) -> dict[str, list[str]]:
    if slot == "name":
        return {name: [name] for name in NAMES}
    return NUMBERS if slot == "number" else KINDS[slot]


def drawn_fill(rng: random.Random, frame: Frame) -> dict[str, str]:
    """A concept for each slot of a frame but `when`, which says nothing."""
    fill: dict[str, str] = {}
    for kind, second in sorted(set(SLOT.findall(" ".join(frame.ways)))):
        if kind in ("country", "capital", "continent"):
            fill.setdefault("country", rng.choice(countries()).name)
        elif kind == "invented":
            fill[kind] = unknown.invented(rng)
        elif kind != "when":
            fill[kind + second] = rng.choice([c for c in concepts(kind) if c != fill.get(kind)])
    return fill


def say(rng: random.Random, way: str, fill: dict[str, str], wider: str | None = None) -> str:
    """A way filled with words for its concepts, of which one may be said by the name of its kind."""

    def word(match: re.Match) -> str:
        kind, slot = match[1], match[1] + match[2]
        if kind == "when":
            return rng.choice(WHEN)
        if kind in ("country", "capital", "continent"):
            country = next(c for c in countries() if c.name == fill["country"])
            return {"country": country.of, "capital": country.capital, "continent": country.continent}[kind]
        if kind == "invented":
            return fill[slot]
        return rng.choice(WIDER[kind] if slot == wider else concepts(kind)[fill[slot]])

    return tidy(SLOT.sub(word, way))


def key_of(frame: Frame, fill: dict[str, str]) -> str:
    return "|".join([f"{frame.topic} {frame.name}", *(fill[slot] for slot in sorted(fill))])


def sentences(rng: random.Random, split: str) -> Pair:
    """Two ways to say one thing; the wrong one differs in one concept, or is of a near frame where there is none."""
    frame = rng.choice(FRAMES)
    fill = drawn_fill(rng, frame)
    ways, new = of_side(list(frame.ways), TRAIN), of_side(list(frame.ways), split)
    first = rng.choice(ways)
    second = rng.choice([way for way in new if way != first] or new)
    wider = rng.choice([slot for slot in fill if slot in WIDER] or [None]) if split == TRAIN and rng.random() < 0.12 else None
    if fill:
        other = {**fill}
        slot = rng.choice(list(fill))
        while other == fill:
            other[slot] = drawn_fill(rng, frame)[slot]
        wrong = say(rng, rng.choice(ways), other)
    else:
        near = rng.choice([f for f in FRAMES if f.topic == frame.topic and f != frame])
        wrong = say(rng, rng.choice(of_side(list(near.ways), TRAIN)), drawn_fill(rng, near))
    pair = [say(rng, first, fill), say(rng, second, fill, wider)]
    if split == TRAIN:
        rng.shuffle(pair)
    return Pair(key_of(frame, fill), frame.topic, *pair, wrong)


def questions(rng: random.Random, split: str) -> Pair:
    """Two ways to ask for one thing; in training also a question and its answer."""
    intent, other = rng.sample(INTENTS, 2)
    one = rng.choice(of_side(list(intent.asked), TRAIN))
    pool = [way for way in of_side(list(intent.asked), split) if way != one]
    if split == TRAIN and rng.random() < 0.3:
        pool = list(intent.answers)
    return Pair("" if split == TRAIN else f"intent {intent.name}", f"intent {intent.name}", one, rng.choice(pool), rng.choice(other.asked[:-2]))


def with_article(name: str, definite: bool = False) -> str:
    return name if name in BARE else tidy(f"{'the' if definite else 'a'} {name}").lower()


WHAT = ["What is {x}?", "what is {n}?", "What does {n} mean?", "Define {n}.", "Explain what {x} is.", "Tell me what {x} is.", "{n}"]


# Nothing is said of these in training: what the hash says of their keys is not "train".
UNTRAINED = {"panda"}


def definitions(rng: random.Random, split: str) -> Pair:
    """A question for a thing and what it is; the wrong one is what another thing of the group is."""
    entry = rng.choice(ENTRIES)
    other = rng.choice([e for e in ENTRIES if e.group == entry.group and e != entry])
    name = rng.choice([entry.name, entry.name, entry.other or entry.name])
    asked = rng.choice(WHAT).format(x=with_article(name), n=name)
    told = [define(rng, entry), asked if rng.random() < 0.6 else define(rng, entry)]
    key = f"definition {entry.name}" if entry.name in UNTRAINED else "|".join(sorted(told))
    return Pair(key, entry.group, *told, define(rng, other), f"definition {entry.name}")


def define(rng: random.Random, entry: Entry) -> str:
    meaning = rng.choice(entry.meanings)
    name = with_article(rng.choice([entry.name, entry.other or entry.name]), rng.random() < 0.5)
    return tidy(rng.choice([f"{name} is {meaning}.", f"{name} is {meaning}.", f"{meaning}"]))


def words(rng: random.Random, split: str) -> Pair:
    """Two words for one thing."""
    kind = rng.choice(list(KINDS))
    one, other = rng.sample(list(KINDS[kind]), 2)
    known = KINDS[kind][one]
    return Pair(f"{kind} {one}", kind, rng.choice(known), rng.choice(known), rng.choice(KINDS[kind][other]))


def same_words(rng: random.Random, split: str) -> Pair:
    """A sentence of rare words and most of its words again, so that words which are not known count as well."""
    question = unknown.sample(rng, TRAIN).question
    parts = question.split()
    kept = [part for part in parts if rng.random() > 0.2] or parts
    if rng.random() < 0.3:
        rng.shuffle(kept)
    wrong = unknown.sample(rng, TRAIN).question
    return Pair(question, "other", question, " ".join(kept), wrong)


def one_pair(rng: random.Random) -> Pair:
    """A pair to train on."""
    make = rng.choices([sentences, questions, definitions, words, same_words], [62, 14, 10, 6, 8])[0]
    while True:
        pair = draw(make, rng, TRAIN)
        if pair.one != pair.other:
            break
    if rng.random() < 0.1:
        # Two things said one after the other, in either order.
        further = draw(sentences, rng, TRAIN)
        return Pair(f"{pair.key}+{further.key}", pair.topic, f"{pair.one} {further.one}", f"{further.other} {pair.other}", pair.wrong)
    return pair


def one_held_out(make, rng: random.Random, split: str) -> Pair:
    """A pair of the side: half in a reserved way, half of a meaning that the hash keeps out."""
    while True:
        # Only ways are held out of questions, and only combinations of definitions.
        pair = make(rng, split) if make is questions else draw(make, rng, split)
        if make is definitions and side(pair.key) != split:
            continue
        if pair.one != pair.other:
            return pair
