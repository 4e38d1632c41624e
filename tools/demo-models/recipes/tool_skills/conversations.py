"""Conversations with tools: one call, two at once, one after another, and requests for which no tool is there."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from common.items import TRAIN, Sample, Turn, chat_sample, draw
from recipes.chat_skills import systems
from recipes.chat_skills.countries import countries
from recipes.tool_skills import lookups, sums, things, weather
from recipes.tool_skills.task import Task, Tool, as_json, call_text, response_text, tools_text

Message = tuple[str, str]
Draw = Callable[[random.Random, str], Task]

# How often each is asked for.
SKILLS: list[tuple[Draw, int]] = [(weather.sample, 10), (lookups.sample, 18), (lookups.capital, 7), (sums.sample, 12)]
SYSTEMS = [*systems.IDLE, "You are a helpful assistant with tools.", "Use the tools to answer.", "You may call tools.", "Be brief.", "Answer in one sentence.",
           "Call a tool where one fits.", "You are an agent.", "Use tools when you need them.", "You are a helpful assistant. Use the tools."]  # fmt: skip
FAILURES = ["not found", "unknown city", "no such place", "time out", "server error", "not available", "try again later", "bad request", "unknown name", "no data"]


@dataclass(frozen=True)
class Scene:
    """A conversation with its tools, and after which assistant's message the skill is done (`steps` in order)."""

    skill: str
    tools: list[Tool]
    steps: list[Message]
    key: str = ""
    must: tuple[str, ...] = ()


def any_task(rng: random.Random, split: str) -> Task:
    return draw(rng.choices([f for f, _ in SKILLS], [w for _, w in SKILLS])[0], rng, split)


def fitting(task: Task, tools: list[Tool]) -> bool:
    return all(not (task.tool.topics & tool.topics) and task.tool.name != tool.name for tool in tools)


def others(rng: random.Random, tools: list[Tool], count: int, taken: frozenset[str] = frozenset()) -> list[Tool]:
    """More tools whose topics are not yet there. Their phrasings and things do not matter: trained ones are drawn."""
    tools = list(tools)
    wanted = len(tools) + count
    while len(tools) < wanted:
        task = any_task(rng, TRAIN)
        if fitting(task, tools) and not (task.tool.topics & taken):
            tools.append(task.tool)
    return tools


def offered(rng: random.Random, tools: list[Tool]) -> list[Tool]:
    """These tools among up to four, in any order."""
    count = max(0, rng.choice([1, 2, 2, 3, 3, 4]) - len(tools))
    made = others(rng, tools, count)
    rng.shuffle(made)
    return made


def called(task: Task) -> list[Message]:
    return [("assistant", call_text([task.call])), ("user", response_text([task.result])), ("assistant", task.answer)]


def one(rng: random.Random, split: str, task_from: Draw = any_task) -> Scene:
    task = task_from(rng, split)
    return Scene(task.skill, offered(rng, [task.tool]), [("user", task.request), *called(task)], task.key, task.must)


def failed(rng: random.Random) -> Scene:
    """The tool says that it could not."""
    task = any_task(rng, TRAIN)
    reason = rng.choice(FAILURES)
    result = rng.choice([f"error: {reason}", f"Error: {reason}", as_json(rng, {"error": reason})])
    answer = f"That did not work: {reason}."
    return Scene("failure", offered(rng, [task.tool]), [("user", task.request), *called(replace(task, result=result, answer=answer))], "", (reason,))


def several(rng: random.Random) -> Scene:
    """One offer, several requests in turn, some of which repeat the last one for another thing."""
    first = any_task(rng, TRAIN)
    tasks = [first]
    tools = [first.tool]
    for _ in range(rng.choice([1, 1, 2, 2, 3])):
        last = tasks[-1]
        task = any_task(rng, TRAIN)
        if last.again and rng.random() < 0.35:
            again = same_tool(rng, last)
            tasks.append(replace(again, request=again.again))
        elif task.tool.topics & last.tool.topics or fitting(task, tools):
            if fitting(task, tools):
                tools.append(task.tool)
                tasks.append(task)
    made = offered(rng, tools)
    steps = [step for task in tasks for step in [("user", task.request), *called(task)]]
    return Scene("several", made, steps)


def row(rng: random.Random, turns: list[Turn]) -> Scene:
    """Many requests for the tools of one offer: much that is learnt in little text. Among them may be one that no tool fits, and
    `turns` from the plain chat skills that need none."""
    firsts: list[Task] = []
    while len(firsts) < 3:
        task = any_task(rng, TRAIN)
        if fitting(task, [each.tool for each in firsts]):
            firsts.append(task)
    firsts = firsts[: rng.randint(2, 3)]
    tasks = list(firsts)
    for _ in range(rng.randint(1, 4)):
        task = rng.choice(firsts)
        if task.again:
            tasks.append(same_tool(rng, task))
    tools = [each.tool for each in firsts]
    wishes: list[Task | list[Message]] = [*tasks, *(turn.messages for turn in turns if needs_none(tools, turn.question))]
    strange = any_task(rng, TRAIN)
    if strange.refusal and fitting(strange, tools):
        wishes.append([("user", strange.request), ("assistant", strange.refusal)])
    rng.shuffle(wishes)
    rng.shuffle(tools)
    steps = [step for wish, before in zip(wishes, [None, *wishes], strict=False) for step in asked(rng, wish, before)]
    return Scene("row", tools, steps)


def asked(rng: random.Random, wish: Task | list[Message], before: Task | list[Message] | None) -> list[Message]:
    """The messages of a wish in a row. A task for the tool of the task just before may only name another thing."""
    if not isinstance(wish, Task):
        return wish
    short = isinstance(before, Task) and before.tool is wish.tool and wish.again and rng.random() < 0.5
    return [("user", wish.again if short else wish.request), *called(wish)]


def same_tool(rng: random.Random, task: Task, split: str = TRAIN) -> Task:
    """Another wish for the tool of a lookup or of the weather, of which only the city or the like is asked."""
    if task.skill == "weather":
        other = draw(weather.sample, rng, split)
    else:
        lookup = next((each for each in lookups.LOOKUPS if each.noun == task.skill), lookups.CAPITAL)
        other = draw(lambda r, s: lookups.task_of(r, s, lookup), rng, split)
    return replace(other, tool=task.tool, arguments={task.tool.parameters[0][0]: next(iter(other.arguments.values()))})


def joined(rng: random.Random, first: Task, second: Task) -> str:
    begin, rest = first.request, second.request
    small = rest[:1].lower() + rest[1:] if rest[:2] != "I " else rest
    forms = [f"{begin} {rest}", f"{begin} And {small}", f"{begin} Also, {small}", f"{begin} {rest}"]
    if begin.endswith("?") and rest.endswith("?"):
        forms += [f"{begin[:-1]} and {small}"] * 3
    if begin.endswith(".") and rest.endswith("."):
        forms += [f"{begin[:-1]} and {small}"] * 3
    return rng.choice(forms)


BOTH = ["{x} and {y}", "{x} and {y}", "{x} and in {y}", "{x} and {y}"]


def pair(rng: random.Random, split: str) -> Scene:
    """Two calls at once: of two tools, or of one tool for two things."""
    if rng.random() < 0.5:
        while True:
            first, second = any_task(rng, split), any_task(rng, TRAIN)
            if fitting(second, [first.tool]):
                break
        if rng.random() < 0.5:
            first, second = second, first
        request = joined(rng, first, second)
        tools = offered(rng, [first.tool, second.tool])
    else:
        first = draw(rng.choice([weather.sample, weather.sample, lookups.sample, lookups.capital]), rng, split)
        second = same_tool(rng, first, TRAIN)
        x, y = (things.spoken(next(iter(task.arguments.values()))) for task in (first, second))
        if rng.random() < 0.8:
            form = rng.choice(BOTH if f" in {x}" in first.request else ["{x} and {y}"])
            request = first.request.replace(x, form.format(x=x, y=y), 1)
        else:
            request = f"{first.request} {second.again}"
        if x == y or f"{y}" not in request:
            return pair(rng, split)
        tools = offered(rng, [first.tool])
    steps = [("user", request), ("assistant", call_text([first.call, second.call])), ("user", response_text([first.result, second.result])),
             ("assistant", f"{first.answer} {second.answer}")]  # fmt: skip
    return Scene("two calls", tools, steps, f"{first.key}|{second.key}", (*first.must, *second.must))


THEN = ["{q} Then {v} the result by {b}.", "{q} Then {v} that by {b}.", "{q} {V} the result by {b}.", "{q} And {v} the result by {b}.", "{q} Now {v} that by {b}.", "{q} After that {v} it by {b}.",
        "{q} Then {v} what you get by {b}."]  # fmt: skip
THEN_ADD = ["{q} Then add {b}.", "{q} Then add {b} to the result.", "{q} Add {b} to that.", "{q} And add {b} to the result.", "{q} Now add {b}.", "{q} After that add {b}."]


def chain_of_sums(rng: random.Random, split: str) -> Scene:
    first_kind, second_kind = rng.sample(list(sums.OPERATIONS), 2)
    if second_kind == "subtract":
        second_kind = "add" if first_kind != "add" else "multiply"
    first = None
    while first is None or not first.tool.topics == {first_kind} or "." in first.result or "-" in first.result:
        first = draw(lambda r, s: sums.sample(r, s), rng, split)
        first_kind = next(iter(first.tool.topics)) if len(first.tool.topics) == 1 and first.tool.topics != {second_kind} else ""
    b = things.whole(rng) + 1
    said = sums.result_of(first_kind, *first.arguments.values())
    tool = sums.own_tool(rng, second_kind)
    arguments = dict(zip((name for name, _ in tool.parameters), (int(said), b), strict=True))
    result = sums.result_of(second_kind, int(said), b)
    forms = THEN_ADD if second_kind == "add" else THEN
    request = rng.choice(forms[:-2] if split == TRAIN else forms[-1:] if split == "held-out" else forms[-2:-1]).format(
        q=first.request if first.request[-1] in ".?" else f"{first.request}.", v=second_kind, V=second_kind.capitalize(), b=b)  # fmt: skip
    second = Task("calculator", "", tool, "", arguments, sums.told(rng, result), sums.ANSWERS.format(r=result), (result,))
    steps = [("user", request), *called(first)[:-1], *called(second)]
    return Scene("two steps", offered(rng, [first.tool, tool]), steps, f"{first.key}|{second_kind}|{b}", second.must)


HOME = ["the capital of {c}", "the capital of {c}", "the capital city of {c}", "{c}'s capital"]


def chain_of_capital(rng: random.Random, split: str) -> Scene:
    """What is asked of the capital of a country takes its name first."""
    country = rng.choice(countries())
    first = replace(draw(lookups.capital, rng, TRAIN))
    city = country.capital if rng.random() < 0.5 else things.city(rng)
    first = replace(first, arguments={first.tool.parameters[0][0]: country.name}, result=lookups.told(rng, "capital", "country", country.name, city))
    while True:
        make = rng.choice([weather.sample, weather.sample, lookups.sample])
        second = draw(make, rng, split)
        place = next(iter(second.arguments.values()))
        sort = next((each.sort for each in lookups.LOOKUPS if each.noun == second.skill), "city")
        if len(second.arguments) == 1 and sort in ("city", "place") and f" {place}" in second.request and fitting(second, [first.tool]):
            break
    where = rng.choice(HOME).format(c=country.of)
    spoken = things.spoken(place)
    request = second.request.replace(spoken, where, 1)
    said_as = second.result.replace(place, city)
    second = replace(second, arguments={second.tool.parameters[0][0]: city}, result=said_as, answer=second.answer.replace(spoken, city))
    steps = [("user", request), *called(first)[:-1], *called(second)]
    return Scene("two steps", offered(rng, [first.tool, second.tool]), steps, f"chain|{country.name}|{second.key}", second.must)


def chain(rng: random.Random, split: str) -> Scene:
    return (chain_of_sums if rng.random() < 0.35 else chain_of_capital)(rng, split)


def misfit(rng: random.Random, split: str) -> Scene:
    """What needs a tool, and only others are there."""
    while True:
        task = any_task(rng, split)
        if task.refusal:
            break
    tools = [tool for tool in others(rng, [task.tool], rng.choice([0, 1, 1, 2, 2, 3])) if tool is not task.tool]
    rng.shuffle(tools)
    return Scene("no tool fits", tools, [("user", task.request), ("assistant", task.refusal)], task.key, (task.refusal,))


KNOWN = frozenset({"capital", *sums.ALL})


def needs_none(tools: list[Tool], text: str) -> bool:
    """True when nothing in a question of the chat skills is a matter for these tools."""
    return not any(tool.topics & KNOWN or any(topic in text.lower() for topic in tool.topics) for tool in tools)


def beside(rng: random.Random, turns: list[Turn]) -> Scene:
    """What the model answers by itself, though tools are offered. `turns` are from the plain chat skills."""
    text = " ".join(turn.question for turn in turns)
    while True:
        tools = others(rng, [], rng.choice([1, 1, 2, 2, 3, 4]), KNOWN)
        if needs_none(tools, text):
            break
    steps = [message for turn in turns for message in turn.messages]
    return Scene("answered without", tools, steps, turns[-1].key, turns[-1].must)


def with_system(rng: random.Random, scene: Scene) -> list[Message]:
    """The conversation with its offer in front, now and then under a system prompt."""
    system = f"{rng.choice(SYSTEMS)}\n\n" if rng.random() < 0.3 else ""
    offer = tools_text(scene.tools) if scene.tools else ""
    return [("system", (system + offer).strip()), *scene.steps] if system or offer else scene.steps


def as_sample(rng: random.Random, scene: Scene) -> Sample:
    return chat_sample(scene.skill, with_system(rng, scene))


def followed(rng: random.Random, split: str) -> Scene:
    """A second request that only names another thing, such as "And in Rome?"."""
    while True:
        first = any_task(rng, TRAIN)
        if first.again:
            break
    second = same_tool(rng, first, split)
    steps = [("user", first.request), *called(first), ("user", second.again), *called(second)]
    return Scene("follow-up", offered(rng, [first.tool]), steps, second.key, second.must)
