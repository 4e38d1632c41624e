"""The vocabulary of tool calls: a tool as it is offered, and a wish with the call that fulfils it."""

import json
import random
from dataclasses import dataclass

# JSON type of a parameter, or the values that it may have.
Kind = str | tuple[str, ...]


@dataclass(frozen=True)
class Tool:
    """A function that the model may call. `topics` says what it is good for: tools of one request share none."""

    name: str
    description: str
    parameters: tuple[tuple[str, Kind], ...]
    topics: frozenset[str]

    @property
    def offer(self) -> dict:
        """The tool as a client of OpenAI's API sends it."""
        properties = {
            name: {"type": kind} if isinstance(kind, str) else {"type": "string", "enum": list(kind)}
            for name, kind in self.parameters
        }
        schema = {"type": "object", "properties": properties, "required": list(properties)}
        described = {"description": self.description} if self.description else {}
        return {"type": "function", "function": {"name": self.name, **described, "parameters": schema}}

    @property
    def line(self) -> str:
        """The tool as the chat template shows it."""
        shown = {"name": self.name}
        if self.description:
            shown["description"] = self.description
        shown["parameters"] = {name: kind if isinstance(kind, str) else list(kind) for name, kind in self.parameters}
        return json.dumps(shown, ensure_ascii=False)


@dataclass(frozen=True)
class Task:
    """A wish, the call for it, what the tool says and what is then answered.

    `key` decides the side; `again` is the same wish of another thing as it follows in a conversation, empty where there is
    none; `refusal` is what is said where no tool fits, None where the model may know it by itself.
    """

    skill: str
    key: str
    tool: Tool
    request: str
    arguments: dict
    result: str
    answer: str
    must: tuple[str, ...]
    again: str = ""
    refusal: str | None = "I don't know."

    @property
    def call(self) -> dict:
        return {"name": self.tool.name, "arguments": self.arguments}


def call_text(calls: list[dict]) -> str:
    """Calls as the model writes them."""
    return "\n".join(f"<tool_call>\n{json.dumps(call, ensure_ascii=False)}\n</tool_call>" for call in calls)


def response_text(results: list[str]) -> str:
    """What tools said, as the model reads it in a user's turn."""
    return "\n".join(f"<tool_response>\n{result}\n</tool_response>" for result in results)


def tools_text(tools: list[Tool]) -> str:
    """The offer of a conversation, as it stands in the system's turn."""
    return "<tools>\n" + "".join(f"{tool.line}\n" for tool in tools) + "</tools>"


def as_json(rng: random.Random, value: dict) -> str:
    """JSON as Python or as JavaScript writes it."""
    return json.dumps(value, separators=(",", ":") if rng.random() < 0.5 else (", ", ": "), ensure_ascii=False)
