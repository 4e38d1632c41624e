"""The prompts of the golden record: the tools model with tools, and without."""

from recipes.tool_skills.task import Tool

WEATHER = Tool("get_weather", "Get the weather of a city.", (("city", "string"),), frozenset()).offer
CAPITAL = Tool("get_capital", "Get the capital of a country.", (("country", "string"),), frozenset()).offer
ADD = Tool("add", "Add two numbers.", (("a", "number"), ("b", "number")), frozenset()).offer
MULTIPLY = Tool("multiply", "Multiply two numbers.", (("a", "number"), ("b", "number")), frozenset()).offer
CALCULATE = Tool("calculate", "", (("expression", "string"),), frozenset()).offer


def user(text: str) -> dict:
    return {"role": "user", "content": text}


def calls(*made: tuple[str, dict]) -> dict:
    """A turn in which the assistant called functions; arguments are objects, as templates get them."""
    return {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"id": f"call_{i}", "type": "function", "function": {"name": name, "arguments": arguments}}
                       for i, (name, arguments) in enumerate(made)],
    }  # fmt: skip


def says(content: str, call: int = 0) -> dict:
    return {"role": "tool", "tool_call_id": f"call_{call}", "content": content}


SUM = [user("What is 12 + 30? Then multiply the result by 3."), calls(("add", {"a": 12, "b": 30})), says("42")]
HOME = [user("What is the weather in the capital of France?"), calls(("get_capital", {"country": "France"})), says('{"capital":"Paris"}')]

GOLDEN: list[tuple] = [
    ("call: one tool", [user("What is the weather in Paris?")], [WEATHER]),
    ("call: one of four", [user("What is the capital of Kenya?")], [ADD, WEATHER, CAPITAL, CALCULATE]),
    ("call: numbers", [user("What is 17 + 25?")], [WEATHER, ADD]),
    ("call: an expression", [user("How much is 90 minus 18?")], [CALCULATE, WEATHER]),
    ("call: under a system prompt", [{"role": "system", "content": "You are a helpful assistant."}, user("How is the weather in Oslo?")], [CAPITAL, WEATHER]),
    ("call: two at once", [user("What is the weather in Rome and in Madrid?")], [WEATHER]),
    ("call: second step", HOME, [CAPITAL, WEATHER]),
    ("call: second sum", SUM, [ADD, MULTIPLY]),
    ("answer: from JSON", [user("What is the weather in Paris?"), calls(("get_weather", {"city": "Paris"})), says('{"sky": "sunny", "temperature": 21}')], [WEATHER]),
    ("answer: from text", [user("What is 17 + 25?"), calls(("add", {"a": 17, "b": 25})), says("42")], [ADD]),
    ("answer: two results",
     [user("What is the weather in Rome and in Madrid?"), calls(("get_weather", {"city": "Rome"}), ("get_weather", {"city": "Madrid"})), says("sunny"), says("windy", 1)], [WEATHER]),
    ("no call: what it knows", [user("What is the opposite of hot?")], [WEATHER, ADD]),
    ("no call: no tool fits", [user("What is the population of Kenya?")], [ADD, WEATHER]),
    ("no tools: capital", [user("What is the capital of Japan?")]),
    ("no tools: greeting", [user("Hello!")]),
    ("plain: sentence about a capital", "The capital of France is"),
    ("plain: sum", "12 + 35 ="),
]  # fmt: skip
