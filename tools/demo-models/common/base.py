"""First weights from a checkpoint whose vocabulary the new tokenizer goes on from."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from common.model import ModelConfig

# How a byte-level vocabulary writes a space.
SPACE = "Ġ"
EMBEDDING = "model.embed_tokens.weight"


def first_weights(folder: Path, tokenizer: Tokenizer, config: ModelConfig) -> dict[str, torch.Tensor]:
    """The weights of the checkpoint in `folder`, in float32. The embedding of a token that it has not is that of the same word
    after a space, or the mean of those of the tokens in which it writes the text."""
    weights = {name: tensor.float() for name, tensor in load_file(folder / "model.safetensors").items()}
    old = Tokenizer.from_file(str(folder / "tokenizer.json"))
    known = weights[EMBEDDING]
    rows = torch.zeros(config.vocab_size, config.hidden_size)
    for id in range(tokenizer.get_vocab_size()):
        token, text = tokenizer.id_to_token(id), tokenizer.decode([id], skip_special_tokens=False)
        if old.token_to_id(token) is not None:
            ids = [old.token_to_id(token)]
        elif old.token_to_id(f"{SPACE}{token}") is not None:
            ids = [old.token_to_id(f"{SPACE}{token}")]
        else:
            # A word that begins a text is written in other tokens than after a space; the latter are more common.
            ids = old.encode(text if text.startswith(" ") or not text.isalpha() else f" {text}").ids
        rows[id] = known[ids].mean(dim=0)
    return config.from_dense({**weights, EMBEDDING: rows})
