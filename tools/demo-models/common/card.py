"""The model card: a recipe's own words, with the measured scores of the exported checkpoint in between."""

import json
from pathlib import Path

from common.items import HELD_OUT


def score_table(scores: dict) -> str:
    """A Markdown table, one line per skill."""
    rows = [(skill, f"{row['right']} of {row['of']}", f"{row['percent']:.1f} %") for skill, row in scores.items()]
    head = ("held-out items", "right", "share")
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(3)]
    line = "| {} | {} | {} |"
    lines = [line.format(*(cell.ljust(width) for cell, width in zip(head, widths, strict=True)))]
    lines.append(line.format(*("-" * width for width in widths)))
    lines += [line.format(*(cell.ljust(width) for cell, width in zip(row, widths, strict=True))) for row in rows]
    return "\n".join(lines)


def write_card(recipe, work: Path, folder: Path) -> None:
    """Writes folder/README.md from recipe.CARD, work/scores-held-out.json and work/exported.json."""
    scores = json.loads((work / f"scores-{HELD_OUT}.json").read_text(encoding="utf-8"))
    run = json.loads((work / "exported.json").read_text(encoding="utf-8"))
    text = recipe.CARD.format(
        scores=score_table(scores["skills"]),
        **scores["verdicts"],
        steps=f"{run['step']:,}",
        tokens=f"{run['tokens'] / 1e6:.1f}",
        minutes=round(run["seconds"] / 60),
    )
    (folder / "README.md").write_text(text, encoding="utf-8")
