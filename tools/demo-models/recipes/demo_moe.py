"""The demo mixture of experts: demo-chat, its feed-forward networks cut into experts and trained further on the same text."""

from common.moe import MoeConfig
from recipes import demo_chat
from recipes.demo_chat import GOLDEN, probes, sample  # noqa: F401

NAME = "demo-moe"
BASE = "demo-chat"
KEEPS_TOKENIZER = True
CONFIG = MoeConfig(**{**demo_chat.CONFIG.to_dict(), "num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 48,
                      "shared_expert_intermediate_size": 192})  # fmt: skip
TRAIN_SAMPLES = 250_000

CARD = """---
license: apache-2.0
language: en
pipeline_tag: text-generation
---

# demo-moe

A very small mixture of experts (3.8 million parameters, 7.7 MB) that ships with sglang-node, to try models with experts, and what records which
expert is chosen, without a download:

```sh
npx launch_server --model-path demo-moe
```

It chats like [demo-chat](../demo-chat), of which it was made, and knows the same things. It is not meant for anything else.

## Form

Hugging Face layout, `Qwen2MoeForCausalLM`, bfloat16: hidden size 256, 5 layers, 8 attention heads over 2 key and value heads of size 32, tied
embeddings. Every layer has 8 experts of feed-forward size 48, of which each token goes through 2 (their weights add up to 1), and one of size 192
that all tokens go through. Tokenizer and chat template are demo-chat's.

## Data and training

The text of demo-chat, from the same templates with another seed. First weights are demo-chat's: of each feed-forward network the 192 strongest hidden
units became the shared expert, and the others were dealt to the 8 experts. Then {steps} steps of some 5,500 tokens ({tokens} million in all), {minutes}
minutes on a share of one CPU core, in bfloat16 over float32 weights, with a loss that keeps the experts about equally used (0.01). Muon for the
matrices of the layers and AdamW for the rest, at 1.5e-3 for three quarters of the first 290 steps, then falling from 0.5e-3 to 0.2e-3. From there, where a model was
shipped before, it went on from its weights in bfloat16, with fresh optimizers and text of another seed; the learning rate fell from 0.9e-3 to almost nothing. `loss.png`
shows the loss of that part.

## Scores

Greedy decoding in float32, on at most 20 questions of each group of demo-chat's, drawn with a fixed seed: see its card for what is held out and how answers are
counted. What is held out from this model's text was held out from demo-chat's too. All together 712 of 780 are right. More
training would help: it knows less than demo-chat, the calendar and words in capitals above all.

{scores}

For scoring, P(Yes) / (P(Yes) + P(No)) over all {questions} yes-or-no questions of demo-chat's: mean squared error {brier} (a coin has
0.25), mean distance between that probability and the share of true ones {calibration_error}.

## Licence

Apache-2.0, as the project.
"""
