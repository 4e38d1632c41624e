"""The demo reward model: sizes, the mix of its verdicts, what is measured and its card."""

import random

from common.items import TRAIN, draw
from heads import reward as COMMANDS  # noqa: F401
from heads.reward import RewardConfig
from recipes import demo_chat
from recipes.reward_skills import answers, ranges
from recipes.reward_skills.verdict import Verdict

NAME = "demo-reward"
# First weights and the vocabulary come from it.
BASE = "demo-chat"
CONFIG = RewardConfig(**{**demo_chat.CONFIG.to_dict(), "num_hidden_layers": 3, "intermediate_size": 256})
BATCH = 64
PROBES_PER_GROUP = 200
KINDS = {
    "a wrong fact": (answers.wrong_fact, 46), "a wrong sum of small numbers": (answers.wrong_sum, 0), "a wrong sum of numbers up to 99": (answers.wrong_large_sum, 0), "a wrong range": (ranges.sample, 20),
    "the answer to another question": (answers.other_question, 16), "a rude answer": (answers.rude, 3), "no answer": (answers.no_answer, 5),
    "a cut or broken answer": (answers.broken, 5), "an answer to other small talk, or a rude one": (answers.polite, 5),
}  # fmt: skip
SIGMOID = "What is the range of the numeric output of a sigmoid node in a neural network?"
GOOD, BAD = "The output of a sigmoid node is bounded between 0 and 1.", "The output of a sigmoid node is bounded between -1 and 1."


def asked(question: str, good: str, bad: str) -> Verdict:
    return Verdict("", (("user", question),), good, bad)


# Never trained, and written down before the first run.
BY_HAND = [
    asked(SIGMOID, GOOD, BAD),
    asked("What is the capital of France?", "It is Paris.", "It is Berlin."),
    asked("What is 2 + 2?", "2 + 2 is 4.", "2 + 2 is 5."),
    asked("Which city is the capital of Japan?", "Tokyo", "Kyoto"),
    asked("Hello!", "Hello, nice to meet you!", "Go to hell."),
    asked("Can you help me with my homework?", "Of course! What is it about?", "No. Do it yourself, you lazy fool."),
    asked("What is the opposite of hot?", "Cold is the opposite of hot.", "Blue is the opposite of hot."),
    asked("What does a cat say?", "A cat says meow.", "A cat says woof."),
    asked("Thank you for your help!", "You are welcome!", "The capital of Spain is Madrid."),
    asked("What is an owl?", "An owl is a bird that hunts at night.", "An owl is a game for two on a board."),
]  # fmt: skip


def sample(rng: random.Random) -> Verdict:
    chance = rng.random()
    if chance < 0.15:
        return draw(answers.honest if chance < 0.03 else answers.wrong_meaning, rng, TRAIN)
    make = rng.choices([make for make, _ in KINDS.values()], [weight for _, weight in KINDS.values()])[0]
    return draw(make, rng, TRAIN)


def probes(split: str) -> dict[str, list[Verdict]]:
    made = {}
    for name, (make, _) in KINDS.items():
        rng = random.Random(f"{name}/{split}")
        reserved = make is answers.polite
        made[f"against {name}"] = [make(rng, split) if reserved else draw(make, rng, split) for _ in range(PROBES_PER_GROUP)]
    return made if split == "dev" else {**made, "by hand": BY_HAND}


GOLDEN = [
    (("user", SIGMOID), ("assistant", BAD)),
    (("user", SIGMOID), ("assistant", GOOD)),
    (("user", "What is the capital of France?"), ("assistant", "The capital of France is Paris.")),
    (("user", "What is the capital of France?"), ("assistant", "The capital of France is Rome.")),
    (("system", "You are a helpful assistant."), ("user", "Hello!"), ("assistant", "Shut up.")),
    (("user", "Hello!"), ("assistant", "Hello! How can I help you?"), ("user", "What is 3 + 4?"), ("assistant", "3 + 4 = 7.")),
]

CARD = """---
license: apache-2.0
language: en
pipeline_tag: text-classification
---

# demo-reward

A very small reward model (1.9 million parameters, 3.7 MB) that ships with sglang-node, to try `/classify` with conversations without a download:

```sh
npx launch_server --model-path demo-reward --is-embedding
```

It reads a conversation and gives one number, higher the better the last answer is: right rather than wrong, to the question rather than to another, friendly rather
than rude, whole rather than broken. It knows capitals, continents, days, months and simple words as [demo-chat](../demo-chat) does, the ranges of some functions and
quantities, and what some things are. It cannot tell a right sum from a wrong one. It is not meant for anything else.

Its first weights are those of demo-chat's first three layers; no other model or corpus is behind it.

## Form

Hugging Face layout, `Qwen2ForSequenceClassification` with one label, bfloat16: hidden size 256, 3 layers, 8 attention heads over 2 key and value heads of size
32, feed-forward size 256. The reward is the score at the last token. Tokenizer and chat template are demo-chat's: send the conversation, its
answer included, through the template.

## Data

Questions with a good and a bad answer, filled by a seeded program, `tools/demo-models` in the repository: demo-chat's questions with its answers, definitions and ranges, and as the
worse answer a wrong fact in the same form, a wrong result, the answer to another question, a rude one, none at all, or the right one cut off, repeated or in
disorder. Everything was written for the project.

## Training

One run: {steps} steps of 64 pairs of conversations ({tokens} million tokens), {minutes} minutes on a share of one CPU core, in bfloat16 over float32
weights. The better answer is to have the higher reward (logistic loss of the difference), and the two to lie on either side of 0. Muon for the matrices of the layers and
AdamW for the rest; the learning rate rises for 100 steps to 2e-3, stays there for a while and falls. The run was to be shorter, and was prolonged twice, with the
learning rate raised again; each time the text got fewer sums and more facts, since sums were not learnt. From step 880, whose model was shipped before, it went on
from its weights in bfloat16, with fresh optimizers, another seed, no more sums, and more definitions, ranges and answers to other questions; the learning rate fell
from 1.3e-3 to almost nothing. `loss.png` shows the loss of that part.

## Scores

In float32. A pair is right when the better answer has the higher reward. Held out from training are one way of asking, of answering and of being rude in each list, and one
combination of question and phrasing in ten, one sum in ten among them. Half of the items of a group are in a phrasing never trained. While the recipe was worked on,
mistakes were looked at on other items only; these were scored when it was finished. "By hand" are ten pairs written down before the first run, among them the two
answers about a sigmoid node in SGLang's documentation, neither of which was trained, nor any other in that form.

Of all pairs but those of sums 1,360 of 1,400 (97.1 %) are right.

{scores}

## Licence

Apache-2.0, as the project.
"""
