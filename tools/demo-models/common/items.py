"""The vocabulary of the training text: questions with answers, and the pieces a model reads and learns.

A `Turn` is one question with its answer, whatever the wrapping. A `Sample` is text ready for the tokenizer:
segments with a loss weight each (0 = read only). What is held out is decided by a hash of a turn's key, never by
chance, so every command agrees on it.
"""

import hashlib
import random
from dataclasses import dataclass, field

END_OF_TEXT, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
TRAIN, HELD_OUT = "train", "held-out"

# Weight of the question part of plain text: enough to make its log-probabilities sensible, little enough that
# the answers lead.
PROMPT_WEIGHT = 0.15


def held_out(key: str) -> bool:
    """True for one key in ten, the same one on every machine; the empty key is never held out."""
    return key != "" and hashlib.blake2b(key.encode(), digest_size=4).digest()[0] < 26


@dataclass(frozen=True)
class Turn:
    """One question. `short` is its answer in as few words as possible, `fields` what a JSON answer may hold,
    `plain` a (prompt, continuation) pair to use instead of question and answer in plain text, and `must` the
    strings that a right answer contains."""

    skill: str
    key: str
    question: str
    answer: str
    short: str | None = None
    fields: dict = field(default_factory=dict)
    plain: tuple[str, str] | None = None
    must: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sample:
    """Training text: (text, loss weight) segments. Special tokens are written as their text."""

    skill: str
    segments: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Probe:
    """One held-out check: generate after `prompt` and compare. `rule` is exact, contains, starts, ends, json or story."""

    skill: str
    prompt: str
    expected: str
    must: tuple[str, ...]
    rule: str


def chat_prompt(messages: list[tuple[str, str]]) -> str:
    """The ChatML text up to where the assistant begins to speak."""
    return "".join(f"{START}{role}\n{text}{END}\n" for role, text in messages) + f"{START}assistant\n"


def chat_sample(skill: str, messages: list[tuple[str, str]]) -> Sample:
    """A conversation; only what the assistant says, its end-of-turn token included, is learnt."""
    segments = []
    for role, text in messages:
        if role == "assistant":
            segments += [(f"{START}assistant\n", 0.0), (f"{text}{END}", 1.0), ("\n", 0.0)]
        else:
            segments.append((f"{START}{role}\n{text}{END}\n", 0.0))
    return Sample(skill, tuple(segments))


def plain_sample(skill: str, pairs: list[tuple[str, str]]) -> Sample:
    """(prompt, continuation) pairs, one a line, ended by the end-of-text token. Nothing is learnt of what makes
    one line follow another: a question alone shall end with its answer."""
    segments = []
    for index, (prompt, continuation) in enumerate(pairs):
        if index > 0:
            segments.append(("\n", 0.0))
        segments += [(prompt, PROMPT_WEIGHT if index == 0 else 0.0), (continuation, 1.0)]
    return Sample(skill, (*segments, (END_OF_TEXT, 1.0)))


def draw(sample, rng: random.Random, split: str) -> Turn:
    """Draws from a skill: what is trained, or what never is: half of it in a reserved phrasing, half with a
    trained phrasing but a combination that the hash keeps out."""
    if split == HELD_OUT and rng.random() < 0.5:
        return sample(rng, HELD_OUT)
    for _ in range(10_000):
        turn = sample(rng, TRAIN)
        if held_out(turn.key) == (split == HELD_OUT):
            return turn
    raise RuntimeError(f"no {split} turn found")


def pick(rng: random.Random, phrasings: list[str], split: str, reserved: int) -> str:
    """One phrasing; the last `reserved` ones are never trained and the only ones in held-out text."""
    return rng.choice(phrasings[-reserved:] if split == HELD_OUT else phrasings[:-reserved])
