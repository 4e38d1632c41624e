"""Questions outside the model's small world, all answered by "I don't know." The wider they range, the better."""

import random

from common.items import HELD_OUT, TRAIN, Turn
from recipes.chat_skills.words import KINDS

ANSWER = "I don't know."

NOUNS = """computer engine river mountain ocean forest desert island bridge tower castle temple church school hospital
factory farm market museum library theater hotel restaurant kitchen window door roof floor wall garden street road
train airplane rocket satellite planet star galaxy moon telescope microscope battery magnet laser radio television
camera phone keyboard printer internet website program algorithm database compiler language grammar poem novel song
opera symphony painting sculpture film actor singer writer poet painter scientist doctor nurse lawyer teacher soldier
sailor pilot president minister mayor emperor general battle war treaty revolution empire dynasty law tax bank money
stock price salary budget company brand product customer atom molecule protein cell virus bacteria vaccine medicine
disease heart brain bone blood muscle skin volcano earthquake storm hurricane glacier climate weather rain cloud wind
energy gravity light heat pressure speed distance weight temperature electricity oxygen hydrogen carbon acid salt sugar
bread cheese soup pizza rice pasta wine beer chocolate recipe dinner football team coach player goal match stadium
olympics medal record chess game puzzle theorem equation triangle circle matrix integral probability dinosaur shark
spider butterfly ant whale tree leaf seed root flag anthem border army navy treasure pirate wizard ghost vampire
philosophy religion dream memory emotion justice freedom history future universe time lottery password account
ticket passport visa station shoe shirt jacket watch ring necklace glass bottle paper pencil machine robot""".split()
# What the model does know is no example of the unknown.
NOUNS = sorted(set(NOUNS) - {word for words in KINDS.values() for word in words} - set(KINDS))
PEOPLE = """Shakespeare Napoleon Caesar Mozart Beethoven Picasso Rembrandt Newton Galileo Darwin Curie Tesla Edison
Lincoln Washington Cleopatra Aristotle Plato Gandhi Mandela Columbus Magellan Gutenberg Bach Chopin Dickens Tolstoy
Homer Dante Goethe Kafka Hemingway Obama Churchill Bismarck Lenin Euler Gauss Turing Hopper Lovelace Pasteur Nobel
Michelangelo Raphael Monet Dali Elvis Madonna Pele Messi Ronaldo Federer Bolt Armstrong Gagarin""".split()
VERBS = """build paint write invent discover win lose make cook fix clean repair grow plant sell buy measure calculate
explain translate remember forget change improve destroy open close move carry break use train teach learn draw sing
play swim fly drive climb solve prove design test program install start stop cut boil bake freeze melt""".split()
DONE = """built painted written invented discovered won founded made designed destroyed named opened sold used born
composed directed killed elected crowned published found stolen burned signed""".split()
ADJECTIVES = """big old fast famous expensive deep high long heavy dangerous rare popular rich hot cold strong important
difficult large tall wide bright loud clever""".split()
SUPERLATIVES = """biggest oldest fastest most famous|most expensive|deepest highest longest heaviest most dangerous|rarest
richest hottest coldest strongest most important|tallest widest smallest newest best worst first last next""".replace(
    "\n", " ").replace("most ", "most_").replace("|", " ").split()  # fmt: skip
PLACES = """world universe Europe Asia Africa America history France Germany Japan China India Brazil London Paris Rome
Tokyo Berlin space town city bible book film kitchen""".split()
SYLLABLES = "ba be bo ca co da de dor el fa fi ga gon han is ka kor la lan lo ma mir mo na nor o pa qua ra rin sa sil " \
    "ta tar the u va ven wa xo ya zan zu".split()  # fmt: skip
FRAMES = [
    "Who {d} the {n}?", "When was the {n} {d}?", "Where was the {n} {d}?", "Why is the {n} so {a}?", "How {a} is the {n}?",
    "How {a} is a {n}?", "How do I {v} a {n}?", "How can I {v} the {n}?", "How do you {v} a {n}?", "How does a {n} work?",
    "What is the {s} {n} in the {p}?", "Which {n} is the {s} in {p}?", "Who is the {s} {n} in {p}?", "What is a {n}?",
    "What is the {n} of {w}?", "Who was {w}?", "When was {w} born?", "What did {w} {v}?", "Where did {w} live?",
    "How old is {w}?", "When did {w} die?", "Why did {w} {v} the {n}?", "Explain the {n}.", "Explain the {n} to me.",
    "Explain how the {n} works.", "Tell me about the {n}.", "Tell me about {w}.", "Write a {n} about the {m}.",
    "Write a poem about the {n}.", "Write a program that can {v} a {n}.", "Translate {n} into Spanish.",
    "Translate this into French: {n} and {m}.", "Summarize the history of the {n}.", "What is the difference between a {n} and a {m}?",
    "How many {n}s are in the {p}?", "How many {n}s are there in {p}?", "How much does a {n} cost?", "How much does the {n} weigh?",
    "What is the price of the {n}?", "What is the {n} in {p}?", "What is the best {n}?", "What do you think about the {n}?",
    "Should I {v} a {n}?", "Should I {v} the {n} or the {m}?", "Can I {v} a {n} with a {m}?", "Where can I {v} a {n}?",
    "Where is the {n}?", "Where is my {n}?", "Which {n} should I {v}?", "Why do people {v}?", "Why does the {n} {v}?",
    "What happened to the {n} in {y}?", "Who won the {n} in {y}?", "What happened in {y}?", "In which year was the {n} {d}?",
    "Who {d} {w}?", "Did {w} {v} a {n}?", "What causes a {n}?", "What is {n}?", "What are {n}s?", "What are {n}s made of?",
    "Is it {a} to {v} a {n}?", "What will the {n} be tomorrow?", "Give me a {n} for the {m}.", "Give me advice about the {n}.",
    "Recommend a {a} {n}.", "Describe the {n}.", "Describe a {a} {n}.", "Compare the {n} and the {m}.", "Define {n}.",
    "What does {n} mean?", "How long does it take to {v} a {n}?", "How many people {v} in {p}?", "What time is the {n}?",
    "Who is the president of {x}?", "Who is the {n} of {p}?", "What is the population of {x}?", "What is the capital of {x}?",
    "Where is {x}?", "What is {x}?", "Who is {x}?", "Tell me about {x}.", "What does {x} mean?", "Is {x} a {n}?",
    "What language do they speak in {x}?", "What currency is used in {x}?", "How far is {x}?", "How do I get to {x}?",
    "Which continent is {x} in?", "What is the opposite of {x}?", "What is the {a} {n} of {x}?", "What is {q} times {r}?",
    "What is {q} divided by {r}?", "What is the square root of {q}?", "What is the {n} number {q}?", "Solve the {n}.",
    "Prove the {n} theorem.", "What is my {n}?", "What did I {v} yesterday?", "What is the weather in {p}?",
    "What is the news today?", "What time is it?", "What is the date today?", "Which {n} was {d} by {w}?",
    "What {n} did {w} {v}?", "What is the name of the {s} {n}?", "Name the {s} {n} in {p}.", "List the {n}s of {p}.",
    "Who is the author of the {n}?", "Who plays the {n}?", "What is the {n} about?", "How is {n} made?", "How is a {n} {d}?",
    "What is the chemical formula of {n}?", "What is the speed of a {n}?", "What is the {n} of the {m}?", "{x} {n}?", "{x}",
    "{n} {m} {v}", "{x} {x2} {x3}", "Why {n}?", "The {n}?", "Please {v} the {n}.", "Please {v} my {n}.", "Can you {v}?",
    "Can you {v} a {n}?", "Can you {v} the {n} for me?", "I want to {v} a {n}.", "I need a {n}.", "My {n} is {a}. What should I do?",
    "What is the meaning of {n}?", "Which {n} has the {s} {m}?", "How {a} was {w}?", "What was {w} famous for?",
    "In what year did the {n} {v}?", "What {n} is used to {v} a {m}?", "Do {n}s {v}?", "Does a {n} {v}?", "Why are {n}s {a}?",
    "Why is a {n} {a}?", "When did the {n} begin?", "When will the {n} end?", "How did {w} {v} the {n}?", "Whose {n} is this?",
    "What kind of {n} do you {v}?", "What are the {s} {n}s?", "What makes a {n} {a}?", "At what {n} does the {m} {v}?",
]  # fmt: skip
# Few, and none of them near a sentence that the model can complete.
PLAIN = ["The {s} {n} in {p} is", "The {n} was {d} by", "The price of the {n} is", "The {n} cost"]
PLAIN_ANSWER = " an amount or a name unknown to me."

# Never trained, and written apart from the frames above: first those for development, then those held out.
PROBES = [
    "Who painted the Mona Lisa?", "How tall is Mount Everest?", "What is the speed of light?", "Who wrote Hamlet?",
    "When did the Second World War end?", "What is photosynthesis?", "How do airplanes fly?", "Who invented the telephone?",
    "What is the largest ocean on Earth?", "Explain quantum mechanics.", "How many bones does a human body have?",
    "What is the boiling point of water?", "Write a Python function that sorts a list.", "Who discovered penicillin?",
    "Translate good morning into Italian.", "What is the stock price of Apple?", "How do I bake a chocolate cake?",
    "What is the longest river in Africa?", "Who was the first man on the moon?", "What is the theory of relativity?",
    "Which team won the world cup in 2014?", "What is the population of Chicago?", "How far away is the sun?",
    "Why is the ocean salty?", "What is a black hole?", "Who directed Jurassic Park?", "What is the tallest building in Dubai?",
    "How do vaccines work?", "What language is spoken in Wakanda?", "What is the capital of Narnia?", "Who is Harry Potter?",
    "What is the square root of 144?", "What is 12 times 12?", "How much does a house cost in Berlin?", "Who are the Beatles?",
    "When was the Eiffel Tower built?", "What happens after death?", "Do aliens exist?", "How can I lose weight?",
    "What is blockchain?", "Give me a recipe for pancakes.", "Summarize the plot of Romeo and Juliet.", "What is machine learning?",
    "Which vitamin is found in oranges?", "What year did the Titanic sink?", "How many players are on a baseball team?",
    "Who is the CEO of Microsoft?", "Define entropy.", "What is the meaning of serendipity?", "Which element has the symbol Fe?",
    "How long is the Great Wall?", "What was Einstein famous for?", "Why do cats purr?", "How old is the universe?",
    "What are the rules of poker?", "Tell me about the Roman empire.", "Recommend a good movie.", "What should I wear tomorrow?",
    "Where can I buy cheap flights?", "blorp zug flim?",
]  # fmt: skip
HELD_OUT_PROBES = [
    "Who composed the Four Seasons?", "How deep is the Pacific?", "What is the mass of the electron?", "Who wrote War and Peace?",
    "When did the Berlin Wall fall?", "What is osmosis?", "How does a refrigerator work?", "Who invented the light bulb?",
    "What is the smallest country in the world?", "Explain general relativity.", "How many teeth does an adult have?",
    "At what temperature does iron melt?", "Write a haiku about autumn leaves.", "Who discovered America?",
    "Translate I love you into German.", "What is the exchange rate of the euro?", "How do I make bread?",
    "What is the highest mountain in Europe?", "Who was the first emperor of China?", "What is string theory?",
    "Who won the Super Bowl last year?", "What is the population of Canada?", "How far is it from Paris to London?",
    "Why is the sky blue at noon?", "What is dark matter?", "Who plays James Bond?", "What is the fastest car ever built?",
    "How do antibiotics work?", "What language do people speak in Brazil?", "What is the capital of Atlantis?", "Who is Sherlock Holmes?",
    "What is the cube root of 27?", "How much is 9 multiplied by 8?", "Divide 100 by 4.", "How much does a ticket to New York cost?",
    "Who are the Rolling Stones?", "When was the Colosseum built?", "Is there life on other worlds?", "Can you fix my car?",
    "How can I sleep better?", "What is a neural network?", "Give me a recipe for tomato soup.", "Summarize the plot of Hamlet.",
    "What is quantum computing?", "Which gas do plants breathe?", "What year was the Magna Carta signed?",
    "How many strings does a harp have?", "Who founded Amazon?", "Define osmosis in simple terms.", "What does ubiquitous mean?",
    "Which element has the number 79?", "How long is the Nile?", "What was Marie Curie famous for?", "Why do dogs bark?",
    "How old is the Earth?", "How do you play bridge?", "Tell me about ancient Egypt.", "Which phone should I buy?",
    "Will it rain tomorrow?", "Where did I put my keys?", "Sort this list: 5, 3, 9.", "snorf gribble wug?",
]  # fmt: skip


def invented(rng: random.Random) -> str:
    return "".join(rng.choice(SYLLABLES) for _ in range(rng.randint(2, 4))).capitalize()


def fill(rng: random.Random, frame: str) -> str:
    words = {
        "n": rng.choice(NOUNS), "m": rng.choice(NOUNS), "w": rng.choice(PEOPLE) if rng.random() < 0.7 else invented(rng),
        "v": rng.choice(VERBS), "d": rng.choice(DONE), "a": rng.choice(ADJECTIVES),
        "s": rng.choice(SUPERLATIVES).replace("_", " "), "p": rng.choice(PLACES), "x": invented(rng), "x2": invented(rng).lower(),
        "x3": invented(rng).lower(), "y": rng.randint(1200, 2030), "q": rng.randint(2, 999), "r": rng.randint(2, 99),
    }  # fmt: skip
    text = frame.format(**words)
    if rng.random() < 0.25:
        # A word that no list has, so that what is unfamiliar is taken for unknown.
        parts = text.split(" ")
        parts[rng.randrange(1, len(parts)) if len(parts) > 1 else 0] = invented(rng).lower()
        text = " ".join(parts) + ("?" if text.endswith("?") and not parts[-1].endswith("?") else "")
    return text


def probes(split: str) -> list[str]:
    return HELD_OUT_PROBES if split == HELD_OUT else PROBES


def sample(rng: random.Random, split: str) -> Turn:
    if split != TRAIN:
        return Turn("unknown", "", rng.choice(probes(split)), ANSWER, "Unknown", {}, None, ("don't know",))
    plain = (fill(rng, rng.choice(PLAIN)), PLAIN_ANSWER) if rng.random() < 0.06 else None
    return Turn("unknown", "", fill(rng, rng.choice(FRAMES)), ANSWER, "Unknown", {}, plain, ("don't know",))
