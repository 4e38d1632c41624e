"""Calculators: one tool for each operation, or one for all."""

import random

from common.items import pick
from recipes.tool_skills import things
from recipes.tool_skills.task import Task, Tool, as_json

OPERATIONS = {
    "add": ("+", ("plus", "+"), ["Add up {a} and {b}.", "What do you get for {a} + {b}?", "{a} and {b} is how much?", "Total of {a} and {b}?", "I need {a} + {b}.", "Tell me {a} plus {b}.",
                   "Please calculate {a} + {b}.", "I had {a} and found {b}. How many now?", "{a} are here and {b} come. How many?", "I want to add {a} and {b}.",
                   "What is {a} plus {b}?", "What is {a} + {b}?", "Add {a} and {b}.", "{a} + {b}", "Calculate {a} + {b}.", "How much is {a} plus {b}?", "Sum {a} and {b}.",
                   "What is the sum of {a} and {b}?", "{a} plus {b}", "Compute {a} + {b}.", "Please add {a} and {b}.", "{a}+{b}", "What's {a} + {b}?", "Can you add {a} and {b}?",
                   "Add {b} to {a}.", "How much is {a} + {b}?", "I have {a} and get {b} more. How many?", "Work out {a} plus {b}.", "Could you add {a} and {b} for me?", "What do {a} and {b} make together?"]),
    "subtract": ("-", ("minus", "-"), ["I have {a} and lose {b}. How many?", "Tell me {a} minus {b}.", "Please calculate {a} - {b}.", "I need {a} - {b}.", "What do you get for {a} - {b}?", "Deduct {b} from {a}.",
                   "Reduce {a} by {b}.", "How much more is {a} than {b}?", "I had {a} and spent {b}. How much now?", "I want to subtract {b} from {a}.",
                   "What is {a} minus {b}?", "What is {a} - {b}?", "Subtract {b} from {a}.", "{a} - {b}", "Calculate {a} - {b}.", "How much is {a} minus {b}?", "{a} minus {b}",
                   "Compute {a} - {b}.", "Take {b} from {a}.", "{a}-{b}", "What's {a} - {b}?", "Can you subtract {b} from {a}?", "Please subtract {b} from {a}.", "How much is {a} - {b}?",
                   "What is the difference of {a} and {b}?", "Work out {a} minus {b}.", "Could you take {b} away from {a}?", "What is left of {a} after taking {b}?"]),
    "multiply": ("*", ("times", "*", "x"), ["Tell me {a} times {b}.", "Please calculate {a} * {b}.", "I need {a} * {b}.", "What do you get for {a} * {b}?", "There are {a} boxes of {b}. How many?",
                   "{a} rows of {b} are how many?", "Product of {a} and {b}?", "I buy {a} for {b} each. How much?", "I want to multiply {a} by {b}.",
                   "What is {a} times {b}?", "What is {a} * {b}?", "Multiply {a} by {b}.", "{a} * {b}", "Calculate {a} * {b}.", "How much is {a} times {b}?", "{a} times {b}",
                   "Multiply {a} and {b}.", "What is {a} x {b}?", "Compute {a} * {b}.", "Please multiply {a} by {b}.", "{a}*{b}", "What is {a} multiplied by {b}?", "What's {a} * {b}?", "Can you multiply {a} by {b}?",
                   "What is the product of {a} and {b}?", "Work out {a} times {b}.", "How much is {a} multiplied by {b}?", "Could you multiply {a} and {b} for me?", "Give me {a} times {b}."]),
    "divide": ("/", ("divided by", "/"), ["Tell me {a} divided by {b}.", "Please calculate {a} / {b}.", "I need {a} / {b}.", "What do you get for {a} / {b}?", "Split {a} by {b}.", "Split {a} into {b} parts.",
                   "How often does {b} go into {a}?", "What is the quotient of {a} and {b}?", "I want to divide {a} by {b}.",
                   "What is {a} divided by {b}?", "What is {a} / {b}?", "Divide {a} by {b}.", "{a} / {b}", "Calculate {a} / {b}.", "How much is {a} divided by {b}?", "{a} divided by {b}",
                   "Compute {a} / {b}.", "{a}/{b}", "Please divide {a} by {b}.", "What's {a} / {b}?", "Can you divide {a} by {b}?", "How much is {a} / {b}?",
                   "Share {a} by {b}.", "Work out {a} divided by {b}.", "Could you divide {a} by {b} for me?", "Give me {a} divided by {b}."]),
}  # fmt: skip
DESCRIBE = {
    "add": ["Add two numbers.", "Adds a and b", "Sum of two numbers", "Returns the sum of two numbers.", "Add two numbers together", ""],
    "subtract": ["Subtract two numbers.", "Subtracts b from a", "Difference of two numbers", "Returns the difference of two numbers.", ""],
    "multiply": ["Multiply two numbers.", "Multiplies a and b", "Product of two numbers", "Returns the product of two numbers.", ""],
    "divide": ["Divide two numbers.", "Divides a by b", "Quotient of two numbers", "Divide one number by another", ""],
}  # fmt: skip
PAIR = ("a", "b")
CALCULATOR = "calculate"
EXPRESSION = ["Evaluate an expression.", "Calculate an expression", "Evaluates a math expression", "Calculator for expressions", "Computes the value of an expression.",
              "Calculate", "A calculator", ""]  # fmt: skip
ANSWERS = "The result is {r}."
ALL = frozenset(OPERATIONS)


def shown(value: float) -> str:
    return str(int(value)) if value == int(value) else str(round(value, 2))


def result_of(operation: str, a: float, b: float) -> str:
    return shown({"add": a + b, "subtract": a - b, "multiply": a * b, "divide": a / b if b else 0}[operation])


def told(rng: random.Random, result: str) -> str:
    if rng.random() < 0.5:
        return result
    return as_json(rng, {rng.choice(["result", "result", "value", "answer", "sum"]): float(result) if "." in result else int(result)})


def own_tool(rng: random.Random, operation: str, kind: str = "number") -> Tool:
    first, second = PAIR
    return Tool(operation, rng.choice(DESCRIBE[operation]), ((first, kind), (second, kind)), frozenset({operation}))


def one(rng: random.Random, operation: str) -> tuple[Tool, dict, str, int, int]:
    """A tool that can do it, its arguments, and the two numbers with the operation's sign between them."""
    sign = OPERATIONS[operation][0]
    a, b = things.whole(rng), things.whole(rng)
    if operation == "divide" and b == 0:
        b = 4
    if rng.random() < 0.8:
        tool = own_tool(rng, operation, rng.choice(["number", "number", "number", "integer"]))
        return tool, dict(zip(PAIR, (a, b), strict=True)), sign, a, b
    return Tool(CALCULATOR, rng.choice(EXPRESSION), (("expression", "string"),), ALL), {"expression": f"{a} {sign} {b}"}, sign, a, b


def sample(rng: random.Random, split: str) -> Task:
    operation = rng.choice(list(OPERATIONS))
    tool, arguments, sign, a, b = one(rng, operation)
    result = result_of(operation, a, b)
    request = pick(rng, OPERATIONS[operation][2], split, 2).format(a=a, b=b)
    return Task("calculator", f"calc|{a}{sign}{b}", tool, request, arguments, told(rng, result), ANSWERS.format(r=result), (result,), "", None)
