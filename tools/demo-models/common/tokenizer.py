"""The byte-level BPE tokenizer: trained on a recipe's own text, saved in the layout of Qwen2."""

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from common.items import END, END_OF_TEXT, START, Sample

# How Qwen2 cuts text before merging: contractions, words with one leading character, single digits, signs, spaces.
CUTS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPECIAL = [END_OF_TEXT, START, END]
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + "
    "'\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def train_tokenizer(texts, vocab_size: int) -> Tokenizer:
    """Merges come first, the special tokens last, as in Qwen2."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(CUTS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - len(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in SPECIAL])
    return tokenizer


def pieces(texts: list[str], marks: list[str]) -> list[str]:
    """The texts cut at special tokens and marks."""
    return [piece for text in texts for piece in re.split("|".join(map(re.escape, [*SPECIAL, *marks])), text) if piece]


def extend_tokenizer(base: Tokenizer, texts: list[str], vocab_size: int, marks: list[str], whole: list[str]) -> Tokenizer:
    """`base` with further words that are one token each (`ignore_merges`, as in Llama 3): those of `whole`, and of `texts` (cut by
    `pieces`) those that save most tokens. The ids of the base's own tokens stay; new words follow, then the marks (plain tokens),
    then the special tokens."""
    state = json.loads(base.to_str())
    known = {token: id for token, id in state["model"]["vocab"].items() if token not in SPECIAL}
    words: Counter[str] = Counter(word for text in texts for word, _ in base.pre_tokenizer.pre_tokenize_str(text))
    saved = {word: count * (len(base.model.tokenize(word)) - 1) for word, count in words.items()}
    wanted = [base.pre_tokenizer.pre_tokenize_str(text)[0][0] for text in whole]
    # The first of equally useful words in alphabetical order, so that every machine makes the same.
    for word in [*wanted, *sorted(saved, key=lambda word: (-saved[word], word))]:
        if len(known) < vocab_size - len(marks) - len(SPECIAL):
            known.setdefault(word, len(known))
    state["model"].update(vocab=known, ignore_merges=True)
    tokenizer = Tokenizer.from_str(json.dumps({**state, "added_tokens": []}))
    tokenizer.add_tokens([AddedToken(text, special=False, normalized=False) for text in marks])
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in SPECIAL])
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, folder: Path, max_length: int, template: str = CHAT_TEMPLATE) -> None:
    """Writes tokenizer.json and tokenizer_config.json, chat template included."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    added = {
        str(id): {
            "content": token.content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False,
            "special": token.special,
        }
        for id, token in sorted(tokenizer.get_added_tokens_decoder().items())
    }  # fmt: skip
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast" if tokenizer.model.ignore_merges else "Qwen2Tokenizer",
        "add_prefix_space": False,
        "added_tokens_decoder": added,
        "additional_special_tokens": [START, END],
        "bos_token": None,
        "eos_token": END,
        "pad_token": END_OF_TEXT,
        "unk_token": None,
        "clean_up_tokenization_spaces": False,
        "split_special_tokens": False,
        "errors": "replace",
        "model_max_length": max_length,
        "chat_template": template,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def encode_samples(tokenizer: Tokenizer, samples: list[Sample]) -> list[tuple[np.ndarray, np.ndarray]]:
    """(ids int16, weights float16) of each sample. A token that spans two segments has the weight of the last."""
    encoded = []
    for start in range(0, len(samples), 4096):
        chunk = samples[start : start + 4096]
        texts = ["".join(text for text, _ in sample.segments) for sample in chunk]
        for sample, text, encoding in zip(chunk, texts, tokenizer.encode_batch(texts), strict=True):
            by_character = np.empty(len(text), dtype=np.float16)
            position = 0
            for piece, weight in sample.segments:
                by_character[position : position + len(piece)] = weight
                position += len(piece)
            last = np.fromiter((end - 1 for _, end in encoding.offsets), dtype=np.int64)
            encoded.append((np.array(encoding.ids, dtype=np.int16), by_character[last]))
    return encoded
