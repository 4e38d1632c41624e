"""A question with two answers, of which the first is better."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """`key` says on which side it lies; `asked` is the conversation up to the answer, (role, text) each."""

    key: str
    asked: tuple[tuple[str, str], ...]
    good: str
    bad: str
