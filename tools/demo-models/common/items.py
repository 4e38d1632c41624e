"""The vocabulary of the training text: questions with answers, and the pieces a model reads and learns.

A `Turn` is one question with its answer, whatever the wrapping; a `Talk` is one with what was said before it. A
`Sample` is text ready for the tokenizer: segments with a loss weight each (0 = read only).

Text has three sides: what is trained, what is looked at while a recipe is worked on, and what is held out until its
scores are measured. A hash of a turn's key decides, never chance, so every command agrees on it.
"""

import hashlib
import random
from dataclasses import dataclass, field

END_OF_TEXT, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
TRAIN, DEV, HELD_OUT = "train", "dev", "held-out"

# Weight of the question part of plain text: enough to make its log-probabilities sensible, little enough that
# the answers lead.
PROMPT_WEIGHT = 0.15
# Weight of a plain Yes or No. It is one token among many, and learnt late, since what is asked has to be compared with what
# is known: at weight 1, with fewer of them and a higher learning rate, 2,000 steps left them a coin's toss.
VERDICT_WEIGHT = 3.0


def side(key: str) -> str:
    """The side of a key, the same on every machine: one in ten is held out, one in twenty is for development, and
    the empty key is always trained."""
    if key == "":
        return TRAIN
    number = hashlib.blake2b(key.encode(), digest_size=4, person=b"sides").digest()[0]
    return HELD_OUT if number < 26 else DEV if number < 39 else TRAIN


def answer_weight(answer: str) -> float:
    return VERDICT_WEIGHT if answer.strip(" .").lower() in ("yes", "no") else 1.0


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

    @property
    def messages(self) -> list[tuple[str, str]]:
        """Question and answer as (role, text)."""
        return [("user", self.question), ("assistant", self.answer)]


@dataclass(frozen=True)
class Talk:
    """A question within a conversation. `before` holds the (role, text) messages that precede it."""

    before: tuple[tuple[str, str], ...]
    turn: Turn

    @property
    def key(self) -> str:
        return self.turn.key

    @property
    def asked(self) -> list[tuple[str, str]]:
        """All that the model reads before it answers."""
        return [*self.before, ("user", self.turn.question)]

    @property
    def answered(self) -> list[tuple[str, str]]:
        return [*self.before, *self.turn.messages]


@dataclass(frozen=True)
class Sample:
    """Training text: (text, loss weight) segments. Special tokens are written as their text."""

    skill: str
    segments: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Probe:
    """One check of what was not trained: generate after `prompt` and compare. `rule` is exact, contains, starts, ends,
    json, calls (word for word) or story."""

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
            segments += [(f"{START}assistant\n", 0.0), (f"{text}{END}", answer_weight(text)), ("\n", 0.0)]
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
        segments += [(prompt, PROMPT_WEIGHT if index == 0 else 0.0), (continuation, answer_weight(continuation))]
    return Sample(skill, (*segments, (END_OF_TEXT, 1.0)))


def draw(sample, rng: random.Random, split: str):
    """Draws a Turn or Talk of a skill from one side. What is never trained is half in a reserved phrasing, half in
    a trained phrasing but of a combination that the hash keeps out."""
    if split != TRAIN and rng.random() < 0.5:
        return sample(rng, split)
    for _ in range(10_000):
        drawn = sample(rng, TRAIN)
        if side(drawn.key) == split:
            return drawn
    raise RuntimeError(f"no {split} turn found")


def of_side(phrasings: list, split: str, reserved: int = 1) -> list:
    """The phrasings of one side: a list ends with `reserved` ones for development and as many that are held out."""
    parts = {TRAIN: slice(None, -2 * reserved), DEV: slice(-2 * reserved, -reserved), HELD_OUT: slice(-reserved, None)}
    return phrasings[parts[split]]


def pick(rng: random.Random, phrasings: list, split: str, reserved: int = 1):
    """One phrasing of the side."""
    return rng.choice(of_side(phrasings, split, reserved))
