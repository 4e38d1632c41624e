"""Records what transformers renders of the chat templates in test/unit/chat-template/formats, for golden.json beside them.

    python tools/golden/record_templates.py && npx prettier --write test/unit/chat-template/formats

Each template writes the turns of one family of checkpoints, with the means of Jinja that the family's own templates use.
"""

import json
from pathlib import Path

from transformers.utils.chat_template_utils import render_jinja_template

FOLDER = Path(__file__).resolve().parents[2] / "test/unit/chat-template/formats"
VARIABLES = dict(bos_token="<s>", eos_token="</s>", date_string="26 Jul 2024")


def user(content):
    return {"role": "user", "content": content}


def assistant(content, **more):
    return {"role": "assistant", "content": content, **more}


CONVERSATIONS = {
    "one turn": ([user("What is the capital of France?")], {}),
    "a system": ([{"role": "system", "content": "Be brief."}, user('Hi, "you" & <them>')], {}),
    "several turns": ([user("One"), assistant("1"), user("  Two \n"), assistant(" 2"), user("Three")], {}),
    "thoughts": ([user("One"), assistant("<think>\nhm\n</think>\n\n1"), user("é中文 😀")], {}),
    "thoughts apart": ([user("One"), assistant("1", reasoning_content="hm"), user("Two")], {}),
    "no thinking": ([user("One")], {"enable_thinking": False}),
    "thinking": ([user("One")], {"thinking": True, "controls": {"length": "short", "é": [1, True, None]}}),
}


def render(template, messages, variables):
    try:
        rendered, _ = render_jinja_template(
            [messages], chat_template=template, add_generation_prompt=True, **VARIABLES, **variables
        )
        return rendered[0]
    except Exception:
        return None


golden = [
    {
        "template": path.stem,
        "conversation": name,
        "messages": messages,
        "variables": variables,
        "prompt": render(path.read_text(), messages, variables),
    }
    for path in sorted(FOLDER.glob("*.jinja"))
    for name, (messages, variables) in CONVERSATIONS.items()
]
(FOLDER / "golden.json").write_text(json.dumps(golden, indent=2, ensure_ascii=False) + "\n")
print(len(golden), "prompts,", sum(entry["prompt"] is None for entry in golden), "refusals")
