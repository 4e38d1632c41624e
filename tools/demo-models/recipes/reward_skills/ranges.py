"""Between which numbers a quantity lies."""

import random

from common.items import pick
from recipes.reward_skills.verdict import Verdict

# Names of a quantity as they stand after "the range of", its least and its greatest value.
RANGES: list[tuple[list[str], str, str]] = [
    (["the sigmoid function", "a sigmoid", "a sigmoid unit", "a sigmoid neuron", "a sigmoid node", "the sigmoid", "the logistic function"], "0", "1"),
    (["the tanh function", "a tanh", "a tanh unit", "a tanh neuron", "a tanh node", "the hyperbolic tangent"], "-1", "1"),
    (["the softmax function", "a softmax", "a softmax unit", "a softmax node"], "0", "1"),
    (["a ReLU unit", "the ReLU function", "a ReLU neuron", "a ReLU node"], "0", "infinity"),
    (["a linear unit", "a linear neuron", "a linear node"], "minus infinity", "infinity"),
    (["a probability", "the probability of an event", "the chance of rain as a probability"], "0", "1"),
    (["the sine function", "a sine", "the sine of an angle"], "-1", "1"),
    (["the cosine function", "a cosine", "the cosine of an angle"], "-1", "1"),
    (["a correlation", "a correlation coefficient"], "-1", "1"),
    (["the cosine similarity", "a cosine similarity of two vectors"], "-1", "1"),
    (["the accuracy of a model", "an accuracy"], "0", "1"),
    (["a percentage of a whole", "the humidity in percent", "the charge of a battery in percent"], "0", "100"),
    (["a byte", "an unsigned byte", "a color value of eight bits"], "0", "255"),
    (["a signed byte"], "-128", "127"),
    (["a bit", "a binary digit"], "0", "1"),
    (["a decimal digit", "a digit"], "0", "9"),
    (["a die", "one throw of a die", "a dice roll"], "1", "6"),
    (["the hours of a clock", "the hour of the day"], "0", "23"),
    (["the minutes of a clock", "the minute of an hour"], "0", "59"),
    (["the number of a month", "the month as a number"], "1", "12"),
    (["the pH value", "a pH value"], "0", "14"),
    (["a latitude", "the latitude of a place"], "-90", "90"),
    (["a longitude", "the longitude of a place"], "-180", "180"),
    (["a compass bearing", "the direction of the wind in degrees"], "0", "360"),
    (["the temperature of liquid water in degrees Celsius"], "0", "100"),
]  # fmt: skip
# Of both the last but one is for development, the last is held out.
ASKED = [
    "What is the range of {x}?", "In which range does {x} lie?", "Which values can {x} have?", "Between which numbers is {x}?", "What is the output range of {x}?",
    "What are the smallest and the largest value of {x}?", "Tell me the range of {x}.", "What values does {x} take?", "Which numbers can {x} be?",
    "What are the bounds of {x}?", "From where to where does {x} go?", "What is the range of {x} in a neural network?", "Which output can {x} in a neural network give?",
    "What numbers can come out of {x}?", "What is the range of the numeric output of {x} in a neural network?",
]  # fmt: skip
TOLD = [
    "It lies between {a} and {b}.", "{x} is between {a} and {b}.", "From {a} to {b}.", "{x} goes from {a} to {b}.", "Between {a} and {b}.", "The values of {x} are between {a} and {b}.",
    "The smallest value is {a} and the largest is {b}.", "{a} to {b}.", "The range of {x} is from {a} to {b}.", "{x} gives numbers between {a} and {b}.",
    "The output is always between {a} and {b}.", "It is limited to numbers between {a} and {b}.", "The result of {x} lies between {a} and {b}.", "{x} has a range from {a} to {b}.",
    "{x} ranges from {a} to {b}.", "The output of {x} is bounded between {a} and {b}.",
]  # fmt: skip
LIKELY = [("0", "1"), ("-1", "1"), ("0", "100"), ("-1", "1"), ("0", "1"), ("1", "2"), ("0", "10"), ("-1", "0"), ("0", "infinity"), ("1", "10")]


def sample(rng: random.Random, split: str) -> Verdict:
    """Of three draws one is about the functions that neurons compute."""
    names, low, high = rng.choice(RANGES[:5] if rng.random() < 0.35 else RANGES)
    asked = rng.choice(names)
    phrase, told = pick(rng, ASKED, split), pick(rng, TOLD, split)
    while True:
        wrong = rng.choice(LIKELY) if rng.random() < 0.7 else rng.choice(RANGES)[1:]
        if wrong != (low, high):
            break

    def say(a: str, b: str) -> str:
        text = told.format(x=asked, a=a, b=b)
        return text[0].upper() + text[1:]

    # The other order makes no difference to who reads the question, so the wrong answer keeps the form of the right one.
    key = f"range|{asked}|{phrase}|{told}"
    return Verdict(key, (("user", phrase.format(x=asked)),), say(low, high), say(*wrong))
