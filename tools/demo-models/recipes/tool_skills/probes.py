"""What is measured of the tools model: each skill's calls and answers, on one side."""

import random

from common.items import Probe, Turn, chat_prompt, draw
from recipes import demo_chat
from recipes.chat_skills import calendar, capitals, small_talk, unknown, words, yes_no
from recipes.tool_skills import conversations, lookups, sums, weather
from recipes.tool_skills.conversations import Scene, with_system

SINGLE = {
    "weather": weather.sample, "time, population, currency, language": lookups.sample, "capital": lookups.capital, "calculator": sums.sample,
}  # fmt: skip


def of_scene(rng: random.Random, name: str, scene: Scene) -> list[Probe]:
    """A probe for each thing that the assistant says in a scene, of what was said before as it should have been."""
    messages = with_system(rng, scene)
    spoken = [index for index, (role, _) in enumerate(messages) if role == "assistant"]
    found = []
    # Of a conversation with a request that follows on another only the last is asked for.
    for count, index in enumerate(spoken[-2:] if scene.skill == "follow-up" else spoken, 1):
        text = messages[index][1]
        calls = text.startswith("<tool_call>")
        kind = "call" if calls else "answer"
        step = f"{kind} {count}" if calls and len(spoken) > 2 else kind
        must = () if calls else scene.must if index == spoken[-1] else (text,)
        found.append(Probe(f"{name}: {step}", chat_prompt(messages[:index]), text, must, "calls" if calls else "contains"))
    return found


def probes(seed: int, split: str, count: int) -> list[Probe]:
    """`count` scenes of each skill; of demo-chat's own skills twice as many, drawn from its probes."""
    rng = random.Random(f"{seed}/{split}")
    found: list[Probe] = []

    def ask(name: str, make) -> None:
        for _ in range(count):
            found.extend(of_scene(rng, name, make()))

    for name, sample in SINGLE.items():
        ask(name, lambda sample=sample: conversations.one(rng, split, lambda r, s: draw(sample, r, s)))
    ask("tools never trained", lambda: conversations.one(rng, split, lookups.new))
    ask("two calls at once", lambda: draw(conversations.pair, rng, split))
    ask("two steps", lambda: draw(conversations.chain, rng, split))
    ask("follow-up", lambda: conversations.followed(rng, split))
    ask("no tool fits", lambda: conversations.misfit(rng, split))
    ask("no tool needed", lambda: conversations.beside(rng, [held_out_turn(rng, split)]))
    plain = demo_chat.probes(seed, split)
    for form in ("chat", "plain"):
        own = [probe for probe in plain if probe.skill.endswith(f"({form})")]
        for probe in rng.sample(own, 3 * count):
            found.append(Probe(f"demo-chat's skills, no tools ({form})", probe.prompt, probe.expected, probe.must, probe.rule))
    return found


# Answered without a tool, whatever is offered; what is unknown is left out where a tool for it might be.
WITHOUT = [calendar.sample, words.sample, yes_no.sample, capitals.sample_continent, small_talk.sample]


def held_out_turn(rng: random.Random, split: str) -> Turn:
    """A question of demo-chat's that was not trained."""
    if rng.random() < 0.2:
        questions = [each for each in unknown.probes(split) if each.split(" ")[0] not in ("How", "Who", "When", "Will")]
        return Turn("unknown", "", rng.choice(questions), unknown.ANSWER, must=("don't know",))
    sample = rng.choice(WITHOUT)
    return sample(rng, split) if sample is small_talk.sample else draw(sample, rng, split)
