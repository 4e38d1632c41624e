"""The demo embedding model: sizes, the mix of its pairs, what is measured and its card."""

import random

from transformers import BertConfig

from heads import embed as COMMANDS  # noqa: F401
from recipes.text_skills import pairs
from recipes.text_skills.pairs import one_held_out, one_pair as sample  # noqa: F401

NAME = "demo-embed"
CONFIG = BertConfig(
    vocab_size=5120, hidden_size=128, intermediate_size=512, num_hidden_layers=3, num_attention_heads=4, max_position_embeddings=256,
    hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, pad_token_id=0,
)  # fmt: skip
# Pairs of a batch, and tokens of a text in training.
BATCH, LONGEST = 160, 64
PROBES_PER_GROUP = 400
GROUPS = {"sentences": pairs.sentences, "questions of customers": pairs.questions, "things and what they are": pairs.definitions}
# Never trained, and written down before the first run.
BY_HAND = [
    ("The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."),
    ("A cat sits on the mat.", "A kitten is resting on the rug.", "The stock market fell yesterday."),
    ("Once upon a time", "A long time ago there was a king.", "The server has run out of memory."),
    ("What is the capital of France?", "Paris is the capital of France.", "What is the capital of Japan?"),
    ("what is panda?", "The giant panda (Ailuropoda melanoleuca), sometimes called a panda bear or simply panda, is a bear species endemic to China.", "hi"),
    ("How can I reset my password?", "I forgot my password and cannot get into my account.", "What time do you open on Saturday?"),
    ("A man is eating food.", "A man is eating a piece of bread.", "A man is riding a white horse."),
    ("A woman is playing the violin.", "A lady makes music with a fiddle.", "Two men pushed carts through the woods."),
    ("The new movie is awesome.", "The film is great.", "My laptop does not start any more."),
    ("I have a headache.", "My head hurts.", "I would like to book a table for two."),
]  # fmt: skip


def probes(split: str) -> dict[str, list[tuple[str, str, str]]]:
    """(text, text that means the same, other text) by group: the other is of any other meaning, or in almost the same words."""
    made = {}
    for name, make in GROUPS.items():
        rng = random.Random(f"{name}/{split}")
        drawn = [one_held_out(make, rng, split) for _ in range(PROBES_PER_GROUP)]
        others = [rng.choice([p.other for p in drawn if p.meaning != pair.meaning]) for pair in drawn]
        made[f"{name}: nearer than any other"] = [(p.one, p.other, far) for p, far in zip(drawn, others, strict=True)]
        made[f"{name}: nearer than a wrong one like it"] = [(p.one, p.other, p.wrong) for p in drawn]
    return {**made, "by hand": BY_HAND} if split != "dev" else made


GOLDEN = [
    "Once upon a time", "The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium.", "what is panda?",
    "What is the capital of France?", "Xylophagous zeppelins, 3.14159 & naïve café owners", "hi",
    "How do I reset my password? I forgot it, and the login page says that my account does not exist any more.",
]  # fmt: skip

CARD = """---
license: apache-2.0
language: en
pipeline_tag: sentence-similarity
library_name: sentence-transformers
---

# demo-embed

A very small model of sentence vectors (1.3 million parameters, 2.6 MB) that ships with sglang-node, to try `/encode` and `/v1/embeddings` without a
download:

```sh
npx launch_server --model-path demo-embed
```

Of plain English sentences about everyday things, those that mean the same get vectors that are near to each other (cosine similarity). It knows some two
thousand words; of others it knows only whether they are the same. It is not meant for anything else.

Its weights, its tokenizer and its training text were made for this project from nothing: no other model or corpus is behind them.

## Form

Layout of sentence-transformers: `BertModel`, bfloat16, hidden size 128, 3 layers, 4 attention heads, feed-forward size 512; the mean over the tokens,
brought to length 1 (`modules.json`). The tokenizer is a WordPiece of 5,120 entries in the manner of uncased BERT. Texts of up to 256 tokens are
accepted; up to 64 were trained.

## Data

Pairs of texts that mean the same, each with one that does not, filled by a seeded program, `tools/demo-models` in the repository: 72 things to say in
five to eight ways each (about food, animals, people, travel, music, sport, school, health, technology, work, weather, countries, numbers, money) with 420
concepts and the words for them, 46 questions of customers in seven or eight ways with their answers, and 115 things with what they are. Everything was
written for the project; countries and capitals are those of demo-chat.

## Training

One run from nothing: {steps} steps of 160 pairs ({tokens} million tokens), {minutes} minutes on a share of one CPU core, in bfloat16 over float32
weights. Each text is to find its partner among the 319 others of its batch (temperature 0.05); a tenth of the answer goes to texts of the same topic. Muon for the
matrices of the layers and AdamW for the rest; the learning rate rises for 100 steps to 2e-3, stays there for a while and falls to nothing in a
straight line. `loss.png` shows the loss.

## Scores

In float32. A text is right when its vector is nearer to that of a text that means the same than to that of another text: any of the same group, or
one in almost the same words (another animal, another country). Held out from training are one way of each thing to say and to ask, and one combination of
concepts in ten; of things and what they are one combination of question and definition in ten, and all about pandas. That was settled after 558 steps: before, sixteen
things were left out whole and all combinations of the others trained, so that of things only those that concern these sixteen were surely held out
(200 such pairs asked, all right, of both kinds). While the recipe was worked on, mistakes were
looked at on other items only; these were scored when it was finished. "By hand" are ten triples of sentences written down before the first run, among
them "The weather is lovely today." nearer to "It's so sunny outside!" than to "He drove to the stadium.".

{scores}

## Licence

Apache-2.0, as the project.
"""
