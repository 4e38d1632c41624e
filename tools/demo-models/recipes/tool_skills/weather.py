"""The tool that everybody tries first: the weather of a city, which answers in many forms."""

import random

from common.items import pick
from recipes.tool_skills import things
from recipes.tool_skills.lookups import CITY, SKIES, upper_first
from recipes.tool_skills.task import Task, Tool, as_json

ASK = ["Do I need a jacket in {x}?", "Is it hot in {x}?", "What should I wear in {x}?", "Is it windy in {x}?", "How warm is it in {x}?", "How cold is it in {x}?", "What is the temperature in {x}?",
       "Is the weather good in {x}?", "I fly to {x}. What is the weather?", "We drive to {x} today. Will it rain?", "Can I go to {x} without an umbrella?", "Do I need boots when I go to {x}?",
       "Weather for {x}, please.", "Weather report for {x}.", "Current weather in {x}?", "The weather in {x}, please.", "Any rain in {x}?", "Is there snow in {x}?", "How does the weather look in {x}?",
       "Tell me about the weather in {x}.", "I need the weather for {x}.", "Could you tell me the weather in {x}?", "Please give me the weather in {x}.", "Hi! What is the weather in {x}?",
       "My trip goes to {x}. How is the weather there?", "What is the forecast for {x}?", "Sun or rain in {x}?", "Would I freeze in {x}?", "We visit {x} soon. Is it warm?", "What is it like outside in {x}?",
       "What is the weather in {x}?", "What's the weather in {x}?", "How is the weather in {x}?", "Weather in {x}?", "weather {x}", "Is it raining in {x}?",
       "Do I need an umbrella in {x}?", "Tell me the weather in {x}.", "What is the weather like in {x}?", "What's the weather like in {x} today?",
       "What is the weather in {x} today?", "How is the weather in {x} now?", "I am in {x}. How is the weather?", "Will it rain in {x}?", "Is it sunny in {x}?",
       "I am going to {x}. What is the weather there?", "Please check the weather in {x}.", "Can you tell me the weather in {x}?", "Give me the weather for {x}.",
       "Show me the weather in {x}.", "I travel to {x} tomorrow. How is the weather?", "What weather do they have in {x}?", "Is it cold in {x}?", "Is it warm in {x}?",
       "Look up the weather in {x}.", "Do you know the weather in {x}?", "How's the weather in {x}?", "Is it snowing in {x}?", "Get the weather for {x}.",
       "What is the current weather in {x}?", "Does it rain in {x}?", "Please tell me what the weather is like in {x}.", "Check the weather in {x}.",
       "I want to know the weather in {x}.", "What's the weather like in {x}?", "Should I take a coat to {x}?", "Could you check the weather in {x}?",
       "How is the weather over in {x}?", "What kind of weather is it in {x}?", "Find out what the weather is in {x}."]  # fmt: skip
AGAIN = ["Also {x}?", "The same for {x}.", "The same for {x}, please.", "Then {x}.", "OK, and {x}?", "Thanks. And {x}?", "Check {x} too.", "What is it like in {x}?", "Is it better in {x}?",
         "And in {x}?", "And {x}?", "What about {x}?", "And what about {x}?", "How about {x}?", "How is it in {x}?", "And the weather in {x}?", "Now {x}.",
         "And how is it in {x}?", "And over in {x}?"]  # fmt: skip
NAME = "get_weather"
DESCRIBE = ["Get the weather of a city.", "Get the current weather in a given location", "Weather of a city", "Returns the weather in a city.", "Current weather",
            "Get the weather for a city", "Tells the weather in a place.", "The weather now in a city", "Get weather", "Look up the weather.", "Get current weather for a location.",
            "Get the current weather", "Weather report for a city", "Reports the weather of a place.", "Weather forecast for a city", "Get the weather in a city", ""]  # fmt: skip
EXTRA = {"humidity": (10, 99), "wind": (0, 80), "pressure": (980, 1040)}


def tool(rng: random.Random) -> Tool:
    return Tool(NAME, rng.choice(DESCRIBE), ((rng.choice(CITY), "string"),), frozenset({"weather", "temperature", "air"}))


def told(rng: random.Random, x: str) -> tuple[str, str, tuple[str, ...]]:
    """What the tool says, what is then answered, and what has to be in the answer."""
    sky, degrees = rng.choice(SKIES), rng.randint(-15, 42)
    form = rng.random()
    if form < 0.12:
        return rng.choice([sky, upper_first(sky)]), f"The weather in {x} is {sky}.", (sky,)
    if form < 0.27:
        shown = rng.choice([f"{degrees} degrees", f"{degrees} C", f"{degrees}C", f"{degrees}°C", f"{degrees} F"])
        text = rng.choice([f"{sky}, {shown}", f"{upper_first(sky)}, {shown}", f"{sky} and {shown}", f"{shown}, {sky}", f"{shown} and {sky}"])
        return text, f"The weather in {x} is {sky}, {shown}.", (sky, shown)
    if form < 0.33:
        return f"It is {sky} in {x}.", f"The weather in {x} is {sky}.", (sky,)
    fields: dict = {}
    warmth: int | str = degrees if rng.random() < 0.75 else f"{degrees}{rng.choice([' C', '°C', 'C', ' degrees', '°F', '°'])}"
    spoken = f"{degrees} degrees" if warmth == degrees else str(warmth)
    both = form < 0.8
    if both or form < 0.9:
        fields[rng.choice(["condition", "sky", "weather", "conditions", "description", "summary", "forecast"])] = sky
    if both or form >= 0.9:
        fields[rng.choice(["temperature", "temperature", "temp", "temperature_c", "degrees", "celsius", "temp_c"])] = warmth
    if rng.random() < 0.2:
        name = rng.choice(list(EXTRA))
        fields[name] = rng.randint(*EXTRA[name])
    if rng.random() < 0.1:
        fields["unit"] = rng.choice(["celsius", "C", "metric"])
    items = list(fields.items())
    rng.shuffle(items)
    if rng.random() < 0.35:
        items.insert(0, (rng.choice(["city", "location", "place"]), x))
    said = [part for part in (sky if sky in fields.values() else "", spoken if warmth in fields.values() else "") if part]
    return as_json(rng, dict(items)), f"The weather in {x} is {', '.join(said)}.", tuple(said)


def sample(rng: random.Random, split: str) -> Task:
    x = things.city(rng)
    offered = tool(rng)
    request = upper_first(pick(rng, ASK, split, 3).format(x=x))
    arguments = {offered.parameters[0][0]: x}
    result, answer, must = told(rng, x)
    return Task("weather", f"weather|{x}", offered, request, arguments, result, answer, must, pick(rng, AGAIN, split).format(x=x))
