"""The demo rerank model: sizes, the mix of its queries, what is measured and its card."""

import random

from transformers import BertConfig

from common.items import draw
from heads import rerank as COMMANDS  # noqa: F401
from recipes import demo_embed
from recipes.text_skills import search
from recipes.text_skills.search import Search, one_search as sample  # noqa: F401

NAME = "demo-rerank"
# First weights and the vocabulary come from it.
BASE = "demo-embed"
CONFIG = BertConfig(**{**demo_embed.CONFIG.to_diff_dict(), "num_labels": 1, "classifier_dropout": 0.0})
# Queries of a batch, and tokens of a query with a document in training.
BATCH, LONGEST = 64, 64
PROBES_PER_GROUP = 200
PANDA = "The giant panda (Ailuropoda melanoleuca), sometimes called a panda bear or simply panda, is a bear species endemic to China."
# Never trained, and written down before the first run.
BY_HAND = [
    Search("", "what is panda?", PANDA, ("hi", "The capital of Japan is Tokyo.", "I forgot my password.")),
    Search("", "what is a panda?", PANDA, ("Paris is the capital of France.", "A lion is a large wild cat that lives in Africa.", "hello")),
    Search("", "What is the capital of France?", "Paris is the capital of France.", ("Berlin is the capital of Germany.", "France is a country in Europe.", "hi")),
    Search("", "how do i get a new password", "Click on the link in the email to set a new password.", ("The shop opens at nine.", "A password is a secret word.", "Refunds take ten days.")),
    Search("", "Where does Anna live?", "Anna lives in Rome.", ("Peter lives in Rome.", "Anna plays tennis.", "hi")),
    Search("", "What is a telescope?", "With a telescope astronomers look at distant stars.", ("Honey is made by bees.", "A hammer is a tool.", "thanks")),
    Search("", "volcano", "A volcano is a mountain that can erupt and from which lava flows.", ("A river flows to the sea.", "Bread is baked from flour.", "hi")),
    Search("", "Which animal is the tallest?", "The giraffe is the tallest animal, with a very long neck.", ("The mouse is a small animal.", "The meeting is on Monday.", "hello")),
]  # fmt: skip


def probes(split: str) -> dict[str, list[Search]]:
    made = {}
    for name, make in search.KINDS_OF_SEARCH.items():
        rng = random.Random(f"{name}/{split}")
        reserved = make is search.customer
        made[name] = [make(rng, split) if reserved else draw(make, rng, split) for _ in range(PROBES_PER_GROUP)]
    return made if split == "dev" else {**made, "by hand": BY_HAND}


GOLDEN = [
    ("what is panda?", "hi"), ("what is panda?", PANDA), ("What is the capital of France?", "Paris is the capital of France."),
    ("What is the capital of France?", "Berlin is the capital of Germany."), ("Where does Anna live?", "Anna plays tennis."),
    ("how do i get a new password", "Click on the link in the email to set a new password."), ("", "An empty query"), ("naïve café", "3.14159 zeppelins"),
]  # fmt: skip

CARD = """---
license: apache-2.0
language: en
pipeline_tag: text-ranking
---

# demo-rerank

A very small cross-encoder (1.3 million parameters, 2.6 MB) that ships with sglang-node, to try `/v1/rerank` without a download:

```sh
npx launch_server --model-path demo-rerank --is-embedding
```

It reads a query with a document and gives one score, above 0 where the document answers the query. It ranks definitions, facts about people and countries, and answers to
questions of customers, in plain English; names that it never met it can tell apart. It is not meant for anything else.

It is [demo-embed](../demo-embed), trained further; no other model or corpus is behind it.

## Form

Hugging Face layout, `BertForSequenceClassification` with one label, bfloat16, of demo-embed's sizes, with its tokenizer; query and document are a pair of texts,
`[CLS] query [SEP] document [SEP]`. The score is the logit as it is. Pairs of up to 256 tokens are accepted; up to 64 were trained.

## Data

Queries with one document that answers them and three that do not, filled by a seeded program, `tools/demo-models` in the repository: what
115 things are, what invented names are, capitals and continents, answers to 46 questions of customers, where people live, what they eat and play and do, and
sentences found by other sentences or by their words. Of the three wrong documents one is most often about something else in the same words, and one about the
same thing but to another question. Everything was written for the project; countries and capitals are those of demo-chat.

## Training

One run from demo-embed's weights: {steps} steps of 64 queries with four documents each ({tokens} million tokens), {minutes} minutes on a share of one CPU core, in
bfloat16 over float32 weights. The right document is to be before the others, and above 0 where the others are below. Muon for the matrices of the layers and AdamW
for the rest; the learning rate rises for 100 steps to 2e-3, stays there for a while and falls to nothing in a straight line. `loss.png` shows the loss.

## Scores

In float32. A query is right when the document that answers it comes first of the four; pairs are those of the right document with each other one. Held out from training are
one way of asking in each list and one combination of query and document in ten, and all about pandas. Half of the items of a group are asked in a way never trained.
While the recipe was worked on, mistakes were looked at on other items only; these were scored when it was finished. "By hand" are eight queries written down
before the first run, among them "what is panda?" with "hi" and the definition of the giant panda that SGLang's documentation ranks.

Known to be weak: questions of customers in words that it never met, to which it finds nothing (all scores far below 0).

{scores}

## Licence

Apache-2.0, as the project.
"""
