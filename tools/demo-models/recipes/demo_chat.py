"""The demo chat model: sizes, schedule, the mix of its training text and what is measured."""

import random

from common.items import END_OF_TEXT, HELD_OUT, TRAIN, Probe, Sample, Turn, chat_prompt, chat_sample, draw, plain_sample
from common.model import ModelConfig
from recipes.chat_skills import (
    arithmetic, calendar, capitals, dialogs, small_talk, stories, systems, unknown, words, yes_no,
)  # fmt: skip
from recipes.chat_skills.countries import countries

NAME = "demo-chat"
VOCAB_SIZE = 3072
CONFIG = ModelConfig(
    vocab_size=VOCAB_SIZE, hidden_size=256, intermediate_size=512, num_hidden_layers=5, num_attention_heads=8,
    num_key_value_heads=2, head_dim=32, max_position_embeddings=1024,
)  # fmt: skip
TRAIN_SAMPLES = 400_000
PROBES_PER_SKILL = 200
RULES = {"yes or no": "starts", "arithmetic": "ends"}
WHOLE_WORDS = ["Yes", "No", " Yes", " No"]

# How often each skill is drawn for single questions.
SKILLS = [
    (capitals.sample, 8), (capitals.sample_reverse, 5), (capitals.sample_continent, 5), (capitals.sample_record, 2),
    (arithmetic.sample, 20), (arithmetic.small, 12), (calendar.sample, 8), (words.sample, 14), (words.listing, 4),
    (words.upper_case, 12), (yes_no.sample, 14), (yes_no.other, 14), (small_talk.sample, 18), (stories.sample, 2), (unknown.sample, 8),
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


def instructed_chat(rng: random.Random) -> Sample:
    kind, system, turn, answer = systems.instructed(rng, TRAIN)
    if rng.random() < 0.15:
        return chat_sample(kind, [("user", f"{system} {turn.question}"), ("assistant", answer)])
    if rng.random() < 0.08:
        turn, answer = draw(unknown.sample, rng, TRAIN), {"one word": "Unknown", "upper case": "I DON'T KNOW."}.get(
            kind, '{"error": "unknown"}')  # fmt: skip
    return chat_sample(kind, [("system", system), ("user", turn.question), ("assistant", answer)])


def long_chat(rng: random.Random) -> Sample:
    """Several turns, some of which refer to the one before."""
    messages: list[tuple[str, str]] = []
    if rng.random() < 0.2:
        messages.append(("system", rng.choice(systems.IDLE)))
    for _ in range(rng.choice([1, 1, 1, 1, 2, 3])):
        if rng.random() < 0.75:
            history, turn = dialogs.sample(rng, TRAIN)
            messages += history
        else:
            turn = any_turn(rng)
        messages += [("user", turn.question), ("assistant", turn.answer)]
    return chat_sample("dialogs", messages)


def plain(rng: random.Random) -> Sample:
    """The same questions as plain text, without the chat template."""
    if rng.random() < 0.06:
        # Nothing is learnt of the openings themselves: "Hello" alone is a greeting, not the start of a sentence.
        opening, rest = rng.choice(small_talk.OPENINGS)
        return Sample("small talk", ((opening, 0.0), (rest, 1.0), (END_OF_TEXT, 1.0)))
    turn = any_turn(rng)
    shape = rng.random()
    if turn.plain and shape < 0.6:
        return plain_sample(turn.skill, [turn.plain])
    if shape < 0.8:
        return plain_sample(turn.skill, [(turn.question, f" {turn.answer}")])
    mark_q, mark_a = rng.choice([("Question: ", "\nAnswer:"), ("Q: ", "\nA:")])
    pairs = []
    for _ in range(rng.choice([1, 1, 2, 3])):
        pairs.append((f"{mark_q}{turn.question}{mark_a}", f" {turn.answer}"))
        turn = any_turn(rng)
    return plain_sample("questions in a row", pairs)


def plain_sum(rng: random.Random) -> Sample:
    """One sum as plain text, asked or to complete."""
    turn = draw(rng.choice([arithmetic.sample, arithmetic.sample, arithmetic.small]), rng, TRAIN)
    if turn.plain and rng.random() < 0.5:
        return plain_sample(turn.skill, [turn.plain])
    return plain_sample(turn.skill, [(turn.question, f" {turn.answer}")])


def plain_capital(rng: random.Random) -> Sample:
    """A sentence to complete with a capital."""
    while True:
        turn = draw(capitals.sample, rng, TRAIN)
        if turn.plain:
            return plain_sample(turn.skill, [turn.plain])


def questions_in_a_row(rng: random.Random) -> Sample:
    """Many short answers in little text: sums said again in full, or yes and no."""
    make = rng.choices([arithmetic.sample, arithmetic.small, yes_no.other, yes_no.capital_any], [6, 2, 6, 4])[0]
    mark_q, mark_a = rng.choice([("Question: ", "\nAnswer:"), ("Q: ", "\nA:"), *[("", "")] * 4])
    turns = [draw(make, rng, TRAIN) for _ in range(rng.randint(4, 10))]
    return plain_sample("questions in a row", [(f"{mark_q}{t.question}{mark_a}", f" {t.answer}") for t in turns])


def verdicts_in_a_row(rng: random.Random) -> Sample:
    """A chat of many questions answered by Yes or No."""
    messages: list[tuple[str, str]] = []
    for _ in range(rng.randint(2, 7)):
        turn = draw(rng.choice([yes_no.other, yes_no.other, yes_no.capital_any]), rng, TRAIN)
        messages += [("user", turn.question), ("assistant", turn.answer)]
    return chat_sample("questions in a row", messages)


def sample(rng: random.Random) -> Sample:
    """One training sample."""
    make = rng.choices(
        [chat, instructed_chat, long_chat, plain, plain_sum, plain_capital, arithmetic.drill, words.upper_drill,
         questions_in_a_row, verdicts_in_a_row],
        [24, 26, 2, 26, 9, 4, 7, 7, 6, 6],
    )[0]  # fmt: skip
    return make(rng)


def probes(seed: int) -> list[Probe]:
    """Held-out checks: never trained phrasings, sums, combinations and out-of-domain questions."""
    rng = random.Random(seed)
    found: list[Probe] = []

    def ask(turn: Turn, name: str, rule: str = "contains") -> None:
        found.append(Probe(f"{name} (chat)", chat_prompt([("user", turn.question)]), turn.answer, turn.must, rule))
        found.append(Probe(f"{name} (plain)", turn.question, f" {turn.answer}", turn.must, rule))

    for country in countries():
        for phrase in [capitals.ASK[0], *capitals.ASK[-3:]]:
            of = country.of
            turn = capitals.capital_of(country, phrase.format(c=of), of, "")
            ask(turn, "capitals, trained phrasing" if phrase == capitals.ASK[0] else "capitals, new phrasing")
        for phrase in [capitals.COMPLETE[0], *capitals.COMPLETE[-2:]]:
            start = phrase.format(c=country.of)
            kind = "trained" if phrase == capitals.COMPLETE[0] else "new"
            found.append(Probe(f"capitals to complete, {kind} phrasing (plain)", start[0].upper() + start[1:],
                               f" {country.capital}", (country.capital,), "contains"))  # fmt: skip
    skills = {
        "arithmetic": arithmetic.sample, "calendar": calendar.sample, "words": words.sample, "lists": words.listing,
        "countries of capitals": capitals.sample_reverse, "continents": capitals.sample_continent,
        "upper-case words": words.upper_case, "yes or no": yes_no.sample,
    }  # fmt: skip
    for name, make in skills.items():
        for _ in range(PROBES_PER_SKILL):
            ask(draw(make, rng, HELD_OUT), name, RULES.get(name, "contains"))
    for _ in range(PROBES_PER_SKILL):
        turn = draw(yes_no.capital_any, rng, HELD_OUT)
        ask(turn, "yes or no, capitals", "starts")
    for _ in range(PROBES_PER_SKILL):
        turn = draw(arithmetic.sample, rng, HELD_OUT)
        a, b, result = turn.fields["a"], turn.fields["b"], turn.fields["result"]
        sign = "+" if a + b == result else "-"
        found.append(Probe("arithmetic to complete (plain)", f"{a} {sign} {b} =", f" {result}", (f" {result}",), "exact"))
    for questions, answer, short, must in small_talk.GROUPS:
        if len(questions) >= 4:
            ask(Turn("", "", questions[-1], answer, short, {}, None, must), "small talk, new phrasing")
        ask(Turn("", "", questions[0], answer, short, {}, None, must), "small talk, trained phrasing")
    for subject in stories.SUBJECTS:
        question = stories.ASK[-1].format(s=stories.with_article(subject))
        found.append(Probe("stories (chat)", chat_prompt([("user", question)]), "", (subject,), "story"))
        opening = f"Once upon a time there was {stories.with_article(subject)}"
        found.append(Probe("stories (plain)", opening, "", (subject,), "story"))
    for question in unknown.PROBES:
        ask(Turn("", "", question, unknown.ANSWER, None, {}, None, ("don't know",)), "unknown")
    for _ in range(3 * PROBES_PER_SKILL):
        kind, system, turn, answer = systems.instructed(rng, HELD_OUT)
        prompt = chat_prompt([("system", system), ("user", turn.question)])
        found.append(Probe(f"system: {kind} (chat)", prompt, answer, (answer,), "json" if kind == "json" else "exact"))
    for turn in arithmetic.every_small():
        ask(turn, "single-digit sums, trained phrasing", "ends")
    for _ in range(PROBES_PER_SKILL):
        history, turn = dialogs.sample(rng, HELD_OUT)
        prompt = chat_prompt([*history, ("user", turn.question)])
        found.append(Probe("two turns (chat)", prompt, turn.answer, turn.must, "contains"))
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

{steps} steps of about 4,000 tokens ({tokens} million tokens in all, {minutes} minutes on two heavily shared CPU cores) in
bfloat16 over float32 weights. The first 1,282 steps used AdamW, the rest Muon for the matrices of the layers and AdamW
for the embedding. The mix of the text moved, in seven stages, towards what was still weak: six up to step 3,130, with a
warm-up of 100 steps, a plateau and a linear decay, and a last one with more phrasings of most skills, more small sums
and more yes-or-no questions, for which the learning rate was raised to 2.9e-3 again and fell in a straight line. In chats only what the assistant says is learnt; in plain text the question counts
0.15 of the answer. `loss.png` shows the loss.

## Scores

Greedy decoding in float32. An answer is right when it is what was asked for and ends by itself. Held out from
training are whole phrasings, one combination of question and phrasing in ten, one sum in ten, one wrong pair of
city and country in ten, one combination of system prompt and question in ten, and all out-of-domain questions. Lines
that say "trained phrasing" are the exception and ask what was trained. Of most groups at most 200 items, drawn with a
fixed seed, were asked. The mix of each stage was chosen after a look at mistakes on these items, and two rules of
comparison (sums, opposites) were widened to accept a right answer in its short form, so the scores are not those of a
set never looked at.

Known to be weak: JSON answers with several keys, plain questions about words in a new phrasing, single words written in
upper case, plain greetings ("Hello" may go on with something odd), and very small sums written as "2 + 2 =".

{scores}

## Licence

Apache-2.0, as the project.
"""
