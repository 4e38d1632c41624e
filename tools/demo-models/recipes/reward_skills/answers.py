"""The chat model's questions, with its answer and a worse one: wrong, of another question, rude, cut off, or no answer."""

import random
from collections.abc import Callable
from dataclasses import replace

from common.items import TRAIN, Turn, pick
from recipes.chat_skills import arithmetic, calendar, capitals, small_talk, unknown, words
from recipes.reward_skills.verdict import Verdict
from recipes.text_skills.glossary import ENTRIES
from recipes.text_skills.pairs import tidy, with_article

RUDE = [
    "I don't care.", "Find out yourself.", "That is a stupid question.", "Leave me alone.", "Why should I tell you?", "Nobody wants to know that.", "Go away.",
    "You are annoying.", "Ask somebody else.", "Shut up.", "What a silly thing to ask.", "Do your own work.", "I will not help you.", "Who cares?", "You should know that yourself, fool.",
    "Stop bothering me.", "I hate such questions.",
]  # fmt: skip
EMPTY = ["I don't know.", "Maybe.", "No idea.", "Hm.", "...", "It depends.", "ok", "Good question.", "I am not sure.", "Perhaps, perhaps not."]
# Of all lists of forms the last but one is for development, the last is held out.
SHORTLY = ["{s}", "It is {s}.", "That is {s}.", "The answer is {s}.", "{s}, of course.", "I think it is {s}.", "It's {s}!", "{s}.", "It should be {s}.", "The right answer is {s}."]
WHAT = ["What is {x}?", "Tell me what {x} is.", "What does the word {n} mean?", "Explain {n}.", "Define {n}.", "Do you know what {x} is?", "Please explain what {x} is.",
        "Can you tell me what {x} is?", "I want to know what {x} is."]  # fmt: skip


def known(rng: random.Random, split: str) -> tuple[Turn, Turn]:
    """Two turns of one skill."""
    make = rng.choice([capitals.sample, capitals.sample, capitals.sample_reverse, capitals.sample_continent, calendar.sample, words.sample, definition])
    return make(rng, split), make(rng, split)


def definition(rng: random.Random, split: str) -> Turn:
    entry = rng.choice(ENTRIES)
    x, phrase = with_article(entry.name), pick(rng, WHAT, split)
    meaning = rng.choice(entry.meanings)
    return Turn("definitions", f"means|{entry.name}|{phrase}", phrase.format(x=x, n=entry.name), tidy(f"{x} is {meaning}."), meaning, {}, None, (meaning,))


def wrong_meaning(rng: random.Random, split: str) -> Verdict:
    return wrong_fact(rng, split, lambda rng, split: (definition(rng, split), definition(rng, split)))


def wrong_fact(rng: random.Random, split: str, turns: Callable[[random.Random, str], tuple[Turn, Turn]] = known) -> Verdict:
    """The right answer against the same sentence with another thing in it, both from two turns of one skill."""
    while True:
        turn, other = turns(rng, split)
        other = replace(other, short=other.short and (other.short if turn.answer.count(turn.short or "?") == 1 else None))
        if turn.short and other.short and turn.short.lower() != other.short.lower() and turn.answer.count(turn.short) == 1:
            bad = turn.answer.replace(turn.short, other.short)
            if not any(part.lower() in other.short.lower() for part in turn.must):
                return said_shortly(rng, split, verdict(turn, bad), turn.short, other.short)


def said_shortly(rng: random.Random, split: str, whole: Verdict, good: str, bad: str) -> Verdict:
    """Now and then both answers in fewer words."""
    if rng.random() < 0.65:
        return whole
    form = pick(rng, SHORTLY, split)
    return replace(whole, good=tidy(form.format(s=good)), bad=tidy(form.format(s=bad)))


def wrong_sum(rng: random.Random, split: str) -> Verdict:
    """Two in three wrong results are near the right one."""
    return wrong_result(rng, split, (9, 20))


def wrong_large_sum(rng: random.Random, split: str) -> Verdict:
    return wrong_result(rng, split, (99, 99))


def wrong_result(rng: random.Random, split: str, largest: tuple[int, int]) -> Verdict:
    turn = arithmetic.sample(rng, split, largest)
    right = int(turn.short)
    bad = right
    while bad == right or bad < 0:
        bad = right + rng.choice([-10, -3, -2, -1, 1, 2, 3, 10]) if rng.random() < 0.66 else rng.randint(0, sum(largest))
    form = rng.choice(["= {s}.", "= {s}.", "is {s}.", "makes {s}."])
    good, worse = (turn.answer.replace(f"= {right}.", form.format(s=result)) for result in (right, bad))
    return said_shortly(rng, split, Verdict(turn.key, (("user", turn.question),), good, worse), turn.short, str(bad))


def any_known(rng: random.Random, split: str) -> Turn:
    turn = known(rng, split)[0]
    return turn if rng.random() < 0.7 else arithmetic.small(rng, split)


def other_question(rng: random.Random, split: str) -> Verdict:
    turn = any_known(rng, split)
    while True:
        other = any_known(rng, TRAIN)
        if not all(part in other.answer for part in turn.must):
            return verdict(turn, other.answer)


def rude(rng: random.Random, split: str) -> Verdict:
    return verdict(any_known(rng, split) if rng.random() < 0.7 else talk(rng, TRAIN), pick(rng, RUDE, split))


def no_answer(rng: random.Random, split: str) -> Verdict:
    return verdict(any_known(rng, split), rng.choice(EMPTY))


def broken(rng: random.Random, split: str) -> Verdict:
    """Cut off, said again and again, or its words in disorder."""
    while True:
        turn = any_known(rng, split)
        parts = turn.answer.split()
        if len(parts) < 4:
            continue
        kind = rng.random()
        if kind < 0.4:
            bad = " ".join(parts[: rng.randint(1, len(parts) - 1)])
        elif kind < 0.6:
            bad = " ".join([rng.choice(parts)] * rng.randint(3, 8))
        else:
            bad = " ".join(rng.sample(parts, len(parts)))
        if bad != turn.answer:
            return verdict(turn, bad)


def talk(rng: random.Random, split: str) -> Turn:
    questions, answer, short, must = rng.choice(small_talk.groups(split))
    return Turn("small talk", "", rng.choice(questions), answer, short, {}, None, must)


def polite(rng: random.Random, split: str) -> Verdict:
    """Small talk with its answer, and with that of other small talk."""
    turn, other = talk(rng, split), talk(rng, TRAIN)
    while other.answer == turn.answer:
        other = talk(rng, TRAIN)
    return verdict(turn, other.answer if rng.random() < 0.6 else pick(rng, RUDE, split))


def honest(rng: random.Random, split: str) -> Verdict:
    """To what nobody here can know, "I don't know." is better than the answer to something else."""
    return verdict(unknown.sample(rng, TRAIN), any_known(rng, TRAIN).answer)


def verdict(turn: Turn, bad: str) -> Verdict:
    return Verdict(turn.key, (("user", turn.question),), turn.answer, bad)
