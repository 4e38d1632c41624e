"""Addition and subtraction of numbers up to 99. A sum lies on the side of its mirror image."""

import random

from common.items import TRAIN, Sample, Turn, pick, side

PLUS = [
    "What is {a} + {b}?", "{a} + {b} =", "What is {a} plus {b}?", "How much is {a} plus {b}?", "Calculate {a} + {b}.",
    "Add {a} and {b}.", "{a}+{b}=", "What's {a} + {b}?", "{a} + {b}", "What is the sum of {a} and {b}?",
    "I have {a} apples and get {b} more. How many apples do I have?", "Can you add {a} and {b}?", "{a} plus {b}",
    "Tell me {a} + {b}.", "What does {a} + {b} make?", "What do {a} and {b} make?", "Please calculate {a} + {b}.",
    "Compute {a} + {b}.", "Work out {a} + {b}.", "{a} + {b}?", "What is {a}+{b}?", "How much do {a} and {b} make?",
    "Can you tell me what {a} + {b} is?", "What is {a} and {b}?",
    "What is {b} added to {a}?", "Sum up {a} and {b}.", "Please add {a} and {b}.", "Give me {a} + {b}.",
    "How much is {a} + {b}?", "What do you get for {a} + {b}?",
]  # fmt: skip
MINUS = [
    "What is {a} - {b}?", "{a} - {b} =", "What is {a} minus {b}?", "How much is {a} minus {b}?", "Calculate {a} - {b}.",
    "Subtract {b} from {a}.", "{a}-{b}=", "What's {a} - {b}?", "{a} - {b}", "Take {b} away from {a}.",
    "I have {a} apples and give away {b}. How many apples are left?", "Can you subtract {b} from {a}?",
    "{a} minus {b}", "Tell me {a} - {b}.", "What does {a} - {b} make?", "What is left of {a} without {b}?",
    "Please calculate {a} - {b}.", "Compute {a} - {b}.", "Work out {a} - {b}.", "{a} - {b}?", "What is {a}-{b}?",
    "How much is left of {a} minus {b}?", "Can you tell me what {a} - {b} is?",
    "What is the difference of {a} and {b}?", "What is {b} taken from {a}?", "Please subtract {b} from {a}.", "Give me {a} - {b}.",
    "How much is {a} - {b}?", "What do you get for {a} - {b}?",
]  # fmt: skip


def sum_key(a: int, sign: str, b: int) -> str:
    return f"sum|{min(a, b)}+{max(a, b)}" if sign == "+" else f"sum|{a}-{b}"


def numbers(rng: random.Random, split: str | None, largest: tuple[int, int] = (99, 99)) -> tuple[int, str, int, int]:
    """(a, sign, b, result) of one side (None: any); results are never negative. Of the two numbers, in any order,
    one is at most largest[0] and one at most largest[1]."""
    while True:
        a, b = rng.randint(0, largest[0]), rng.randint(0, largest[1])
        if rng.random() < 0.5:
            a, b = b, a
        sign = rng.choice("+-")
        if sign == "-" and a < b:
            a, b = b, a
        if split is None or side(sum_key(a, sign, b)) == split:
            return a, sign, b, a + b if sign == "+" else a - b


def sample(rng: random.Random, split: str, largest: tuple[int, int] = (99, 99)) -> Turn:
    a, sign, b, result = numbers(rng, None if split == TRAIN else split, largest)
    phrase = pick(rng, PLUS if sign == "+" else MINUS, split)
    if phrase.endswith("="):
        # As plain text a sum that waits for its result gets nothing else.
        plain = (phrase.format(a=a, b=b), str(result) if phrase.endswith("}=") else f" {result}")
    else:
        plain = (f"{a} {sign} {b} =", f" {result}") if rng.random() < 0.7 else None
    return Turn(
        "arithmetic", sum_key(a, sign, b), phrase.format(a=a, b=b),
        f"{a} {sign} {b} = {result}.", str(result), {"a": a, "b": b, "result": result}, plain,
        (f"= {result}",),
    )  # fmt: skip


def small(rng: random.Random, split: str) -> Turn:
    """Sums with a single digit, which are few of all sums and the first that people try."""
    return sample(rng, split, rng.choice([(9, 9), (9, 9), (9, 99), (20, 20)]))


def every_small() -> list[Turn]:
    """Every sum and difference of two single digits, asked in the first phrasing; most are trained."""
    turns = []
    for a in range(10):
        for b in range(10):
            turns.append((a, "+", b, a + b, PLUS[0]))
            if b <= a:
                turns.append((a, "-", b, a - b, MINUS[0]))
    return [
        Turn("arithmetic", sum_key(a, sign, b), phrase.format(a=a, b=b), f"{a} {sign} {b} = {result}.", str(result),
             {"a": a, "b": b, "result": result}, None, (f"= {result}",))
        for a, sign, b, result, phrase in turns
    ]  # fmt: skip


def drill(rng: random.Random) -> Sample:
    """A dozen trained sums, one a line; only the results are learnt, the rest is chance."""
    segments: list[tuple[str, float]] = [("Sums:\n", 0.0)]
    compact = rng.random() < 0.2
    for _ in range(rng.randint(8, 14)):
        a, sign, b, result = numbers(rng, TRAIN, rng.choice([(9, 9), (9, 99), *[(99, 99)] * 6]))
        segments.append((f"{a}{sign}{b}=" if compact else f"{a} {sign} {b} =", 0.0))
        segments.append((f"{'' if compact else ' '}{result}\n", 1.0))
    return Sample("arithmetic", tuple(segments))
