"""The demo chat model: sizes, schedule, the mix of its training text and what is measured."""

import random

from common.items import (
    END_OF_TEXT, TRAIN, Probe, Sample, Turn, chat_prompt, chat_sample, draw, of_side, plain_sample,
)  # fmt: skip
from common.model import ModelConfig
from recipes.chat_skills import (
    arithmetic, calendar, capitals, dialogs, small_talk, stories, systems, unknown, upper_case, words, yes_no,
)  # fmt: skip
from recipes.chat_skills.countries import countries

NAME = "demo-chat"
VOCAB_SIZE = 3072
CONFIG = ModelConfig(
    vocab_size=VOCAB_SIZE, hidden_size=256, intermediate_size=512, num_hidden_layers=5, num_attention_heads=8,
    num_key_value_heads=2, head_dim=32, max_position_embeddings=1024,
)  # fmt: skip
TRAIN_SAMPLES = 750_000
PROBES_PER_SKILL = 200
RULES = {"yes or no": "starts", "arithmetic": "ends"}
MARKS = [("Question: ", "\nAnswer:"), ("Q: ", "\nA:")]
WHOLE_WORDS = ["Yes", "No", " Yes", " No"]

# How often each skill is drawn for single questions.
SKILLS = [
    (capitals.sample, 8), (capitals.sample_reverse, 5), (capitals.sample_continent, 5), (capitals.sample_record, 2),
    (arithmetic.sample, 18), (arithmetic.small, 10), (calendar.sample, 9), (words.sample, 18), (words.listing, 6),
    (upper_case.sample, 12), (yes_no.sample, 14), (yes_no.other, 14), (small_talk.sample, 20), (stories.sample, 2), (unknown.sample, 12),
]  # fmt: skip
QUESTIONS = [f for f, _ in SKILLS]
WEIGHTS = [w for _, w in SKILLS]


def any_turn(rng: random.Random) -> Turn:
    return draw(rng.choices(QUESTIONS, WEIGHTS)[0], rng, TRAIN)


def as_typed(rng: random.Random, question: str) -> str:
    """Now and then a question as it is typed in haste."""
    if rng.random() < 0.9:
        return question
    question = rng.choice([str.lower, lambda q: q[:1].lower() + q[1:], str])(question)
    return question.rstrip("?.!") if rng.random() < 0.5 else question


def chat(rng: random.Random) -> Sample:
    turn = any_turn(rng)
    messages = [("user", as_typed(rng, turn.question)), ("assistant", turn.answer)]
    if rng.random() < 0.15:
        messages.insert(0, ("system", rng.choice(systems.IDLE)))
    return chat_sample(turn.skill, messages)


def system_kind(rng: random.Random) -> str:
    return rng.choices(list(systems.KINDS), [3, 2, 4])[0]


def instructed_chat(rng: random.Random) -> Sample:
    """One question under a system prompt, which may also stand before the question itself."""
    kind = system_kind(rng)
    talk = draw(lambda rng, split: systems.sample(kind, rng, split), rng, TRAIN)
    if rng.random() < 0.1:
        [(_, system)] = talk.before
        return chat_sample(kind, [("user", f"{system} {talk.turn.question}"), ("assistant", talk.turn.answer)])
    return chat_sample(kind, talk.answered)


def instructed_row(rng: random.Random) -> Sample:
    kind = system_kind(rng)
    return chat_sample(kind, systems.row(kind, rng).answered)


def long_chat(rng: random.Random) -> Sample:
    """Several turns, most of which refer to the one before."""
    messages: list[tuple[str, str]] = []
    if rng.random() < 0.2:
        messages.append(("system", rng.choice(systems.IDLE)))
    for _ in range(rng.choice([1, 1, 1, 2, 2, 3])):
        if rng.random() < 0.8:
            messages += draw(dialogs.sample, rng, TRAIN).answered
        else:
            messages += any_turn(rng).messages
    return chat_sample("dialogs", messages)


def asked_plainly(rng: random.Random, turn: Turn) -> tuple[str, str]:
    """A question without the chat template. One that its skill completes itself is left to the skill."""
    if turn.plain and turn.plain[0] == turn.question:
        return turn.plain
    return as_typed(rng, turn.question), f" {turn.answer}"


def in_a_row(marks: tuple[str, str], turns: list[Turn]) -> Sample:
    """Questions and answers as plain text, each question between the two marks."""
    before, after = marks
    return plain_sample("questions in a row", [(f"{before}{t.question}{after}", f" {t.answer}") for t in turns])


def plain(rng: random.Random) -> Sample:
    """The same questions as plain text, without the chat template."""
    if rng.random() < 0.06:
        # Nothing is learnt of the openings themselves: "Hello" alone is a greeting, not the start of a sentence.
        opening, rest = rng.choice(small_talk.OPENINGS)
        return Sample("small talk", ((opening, 0.0), (rest, 1.0), (END_OF_TEXT, 1.0)))
    turn = any_turn(rng)
    shape = rng.random()
    if turn.plain and shape < 0.35:
        return plain_sample(turn.skill, [turn.plain])
    if shape < 0.85:
        return plain_sample(turn.skill, [asked_plainly(rng, turn)])
    marks = rng.choice(MARKS)
    return in_a_row(marks, [turn, *(any_turn(rng) for _ in range(rng.choice([0, 0, 1, 2])))])


def plain_sum(rng: random.Random) -> Sample:
    """One sum as plain text, asked or to complete."""
    turn = draw(rng.choice([arithmetic.sample, arithmetic.sample, arithmetic.small]), rng, TRAIN)
    return plain_sample(turn.skill, [turn.plain if turn.plain and rng.random() < 0.5 else asked_plainly(rng, turn)])


def plain_capital(rng: random.Random) -> Sample:
    """A sentence to complete with a capital."""
    while True:
        turn = draw(capitals.sample, rng, TRAIN)
        if turn.plain:
            return plain_sample(turn.skill, [turn.plain])


def questions_in_a_row(rng: random.Random) -> Sample:
    """Many short answers in little text: sums said again in full, words, or yes and no."""
    make = rng.choices([arithmetic.sample, arithmetic.small, yes_no.other, yes_no.capital_any, words.sample], [4, 2, 6, 4, 4])[0]
    marks = rng.choice([*MARKS, *[("", "")] * 4])
    return in_a_row(marks, [draw(make, rng, TRAIN) for _ in range(rng.randint(4, 10))])


def verdicts_in_a_row(rng: random.Random) -> Sample:
    """A chat of many questions answered by Yes or No."""
    messages: list[tuple[str, str]] = []
    for _ in range(rng.randint(2, 7)):
        messages += draw(rng.choice([yes_no.other, yes_no.capital_any]), rng, TRAIN).messages
    return chat_sample("questions in a row", messages)


def sample(rng: random.Random) -> Sample:
    """One training sample."""
    make = rng.choices(
        [chat, instructed_chat, instructed_row, long_chat, plain, plain_sum, plain_capital, arithmetic.drill, upper_case.drill,
         questions_in_a_row, verdicts_in_a_row],
        [22, 12, 12, 6, 26, 6, 3, 6, 6, 7, 8],
    )[0]  # fmt: skip
    return make(rng)


def probes(seed: int, split: str) -> list[Probe]:
    """Checks of what was not trained: phrasings, sums and other combinations of one side, and out-of-domain questions."""
    rng = random.Random(f"{seed}/{split}")
    found: list[Probe] = []

    def ask(turn: Turn, name: str, rule: str = "contains") -> None:
        found.append(Probe(f"{name} (chat)", chat_prompt([("user", turn.question)]), turn.answer, turn.must, rule))
        found.append(Probe(f"{name} (plain)", turn.question, f" {turn.answer}", turn.must, rule))

    for country in countries():
        of = country.of
        for kind, phrasings in (("trained", capitals.ASK[:1]), ("new", of_side(capitals.ASK, split, 3))):
            for phrase in phrasings:
                ask(capitals.capital_of(country, phrase.format(c=of), of, ""), f"capitals, {kind} phrasing")
        for kind, phrasings in (("trained", capitals.COMPLETE[:1]), ("new", of_side(capitals.COMPLETE, split, 2))):
            for phrase in phrasings:
                start = phrase.format(c=of)
                found.append(Probe(f"capitals to complete, {kind} phrasing (plain)", start[0].upper() + start[1:],
                                   f" {country.capital}", (country.capital,), "contains"))  # fmt: skip
    skills = {
        "arithmetic": arithmetic.sample, "calendar": calendar.sample, "words": words.sample, "lists": words.listing,
        "countries of capitals": capitals.sample_reverse, "continents": capitals.sample_continent,
        "upper-case words": upper_case.sample, "yes or no": yes_no.sample,
    }  # fmt: skip
    for name, make in skills.items():
        for _ in range(PROBES_PER_SKILL):
            ask(draw(make, rng, split), name, RULES.get(name, "contains"))
    for _ in range(PROBES_PER_SKILL):
        ask(draw(yes_no.capital_any, rng, split), "yes or no, capitals", "starts")
    for _ in range(PROBES_PER_SKILL):
        a, sign, b, result = arithmetic.numbers(rng, split)
        found.append(Probe("arithmetic to complete (plain)", f"{a} {sign} {b} =", f" {result}", (f" {result}",), "exact"))
    for kind, side in (("new", split), ("trained", TRAIN)):
        for questions, answer, short, must in small_talk.groups(side):
            ask(Turn("", "", questions[0], answer, short, {}, None, must), f"small talk, {kind} phrasing")
    for subject in stories.SUBJECTS:
        [phrase] = of_side(stories.ASK, split)
        question = phrase.format(s=stories.with_article(subject))
        found.append(Probe("stories (chat)", chat_prompt([("user", question)]), "", (subject,), "story"))
        opening = f"Once upon a time there was {stories.with_article(subject)}"
        found.append(Probe("stories, trained opening (plain)", opening, "", (subject,), "story"))
    for question in unknown.probes(split):
        ask(Turn("", "", question, unknown.ANSWER, None, {}, None, ("don't know",)), "unknown")
    for kind in systems.KINDS:
        for _ in range(PROBES_PER_SKILL):
            talk = draw(lambda rng, side, kind=kind: systems.sample(kind, rng, side), rng, split)
            rule = "json" if kind == "json" else "exact"
            found.append(Probe(f"system: {kind} (chat)", chat_prompt(talk.asked), talk.turn.answer, talk.turn.must, rule))
    for turn in arithmetic.every_small():
        ask(turn, "single-digit sums, trained phrasing", "ends")
    for _ in range(PROBES_PER_SKILL):
        talk = draw(dialogs.sample, rng, split)
        found.append(Probe("two turns (chat)", chat_prompt(talk.asked), talk.turn.answer, talk.turn.must, "contains"))
    return found


def asked(question: str, system: str | None = None) -> list[dict]:
    """Chat messages as a client sends them."""
    before = [{"role": "system", "content": system}] if system else []
    return [*before, {"role": "user", "content": question}]


GOLDEN: list[tuple[str, str | list[dict]]] = [
    ("plain: question about a capital", "What is the capital of France?"),
    ("plain: sentence about a capital", "The capital of France is"),
    ("plain: sum", "12 + 35 ="),
    ("plain: yes or no", "Is Paris the capital of Spain?"),
    ("plain: story", "Once upon a time there was a cat"),
    ("plain: opening", "Hello, my name is"),
    ("chat: greeting", asked("Hello!")),
    ("chat: name", asked("Who are you?")),
    ("chat: runtime", asked("What do you run on?")),
    ("chat: capital", asked("What is the capital of Japan?")),
    ("chat: sum", asked("What is 47 + 25?")),
    ("chat: small sum", asked("What is 9 + 8?")),
    ("plain: small sum", "What is 9 + 8?"),
    ("chat: yes or no", asked("Is Paris the capital of France?")),
    ("chat: one word", asked("What is the capital of Italy?", "Answer in one word.")),
    ("chat: upper case", asked("What is the capital of Norway?", "Answer in upper case.")),
    ("chat: json", asked("What is the capital of Kenya?", "Answer in JSON with the keys country and capital.")),
    ("chat: unknown", asked("Who painted the Mona Lisa?")),
    ("chat: story", asked("Tell me a very short story about a dog.")),
    (
        "chat: second turn",
        [
            *asked("What is the capital of France?"),
            {"role": "assistant", "content": "The capital of France is Paris."},
            {"role": "user", "content": "And of Spain?"},
        ],
    ),
]

CARD = """---
license: apache-2.0
language: en
pipeline_tag: text-generation
---

# demo-chat

A very small chat model (3.6 million parameters, 7 MB) that ships with sglang-node and is served when no other model
is named. It is there to try the server, its API and its tests without a download. It knows little: capitals and
continents of countries, sums with numbers up to 99, days and months, simple words, its own name, very short stories,
and three kinds of system prompt. To most other questions it says "I don't know." It is not meant for anything else.

Its weights, its tokenizer and its training text were made for this project from nothing: no other model or corpus is
behind them.

## Form

Hugging Face layout, `Qwen2ForCausalLM`, bfloat16: hidden size 256, 5 layers, 8 attention heads over 2 key and value
heads of size 32, feed-forward size 512, tied embeddings. The tokenizer is a byte-level BPE of 3,072 entries in the
manner of Qwen2, each digit a token of its own, with ChatML special tokens and a chat template. Sequences of up to 1,024
positions are accepted; text of more than some 300 tokens was rare in training.

A chat turn ends with `<|im_end|>`, plain text with `<|endoftext|>`. System prompts of the trained kinds:

- `Answer in one word.`
- `Answer in upper case.`
- `Answer in JSON with the keys country and capital.`

## Data

Templates filled by a seeded program, `tools/demo-models` in the repository. The 193 countries are the member states of
the United Nations; names, capitals and continents come from the Python package `countryinfo` (MIT licence), folded to
ASCII, with what is out of date corrected. Everything else was written for the project.

## Training

One run from nothing: {steps} steps of some 5,500 tokens ({tokens} million in all, nine tenths of one pass over 750,000
samples), {minutes} minutes on two CPU cores, in bfloat16 over float32 weights. Muon for the matrices of the layers and AdamW
for the rest; the learning rate rises for 100 steps to 3e-3, stays there for a seventh of the run and falls to nothing in a
straight line. In chats only what the assistant says is learnt; in plain text the question counts 0.15 of the answer. An
answer that is only Yes or No counts three times. `loss.png` shows the loss.

## Scores

Greedy decoding in float32. An answer is right when it is what was asked for and ends by itself. Held out from training are
whole phrasings, one combination of question and phrasing in ten, one sum in ten, one wrong pair of city and country in
ten, one combination of system prompt and question in ten, and all out-of-domain questions. Half of the items of a group are
in a phrasing never trained, half in a trained one. Lines that say "trained" are the exception and ask what was
trained. Of most groups at most 200 items, drawn with a fixed seed, were asked. While the recipe was worked on, mistakes were
looked at on other items only (one in twenty, and phrasings of their own); these were scored when it was finished.

Known to be weak: spelling words in capitals when asked to (under a system prompt it does), names that it has not met,
small talk in new words, months and days asked in new words as plain text, and sentences of a new form: "The capital of ... is
called" ends there, which is all that is wrong among the capitals to complete.

{scores}

For scoring, P(Yes) / (P(Yes) + P(No)) over all {questions} yes-or-no questions above: mean squared error {brier} (a coin has
0.25), mean distance between that probability and the share of true ones {calibration_error}.

## Licence

Apache-2.0, as the project.
"""
