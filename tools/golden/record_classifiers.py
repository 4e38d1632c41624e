"""Makes the tiny random classifiers of test/model/checkpoints, and records in each one's scores.json what transformers gives for
its texts and pairs of texts.

    python tools/golden/record_classifiers.py [name ...] && npx prettier --write test/model

Scores are raw: no sigmoid, no softmax. `pair_at` is the first token of a pair's second text for those that tell the two apart.
"""

import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    LlamaConfig,
    MistralConfig,
    Qwen2Config,
    Qwen2Model,
    Qwen3Config,
    RobertaConfig,
    XLMRobertaConfig,
)

import reference
from record import QWEN2_SHAPE, SHAPE as DECODER_SHAPE
from record_encoders import SHAPE as ENCODER_SHAPE, tokenizer

FOLDER = Path(__file__).resolve().parents[2] / "test/model/checkpoints"
LENGTHS = [2, 5, 1, 40, 17]
FEELINGS = dict(id2label={0: "sad", 1: "neither", 2: "glad"}, label2id=dict(sad=0, neither=1, glad=2))
ONE = dict(num_labels=1)
DECODER = DECODER_SHAPE | dict(vocab_size=128)
QWEN2 = QWEN2_SHAPE | dict(vocab_size=128)
CLASSIFIERS = {
    "bert-reranker": BertConfig(**ENCODER_SHAPE, **ONE, max_position_embeddings=64, pad_token_id=0),
    "roberta-classifier": RobertaConfig(
        **ENCODER_SHAPE, **FEELINGS, max_position_embeddings=66, type_vocab_size=1, pad_token_id=1, layer_norm_eps=1e-5
    ),
    "xlm-roberta-reranker": XLMRobertaConfig(**ENCODER_SHAPE, **ONE, max_position_embeddings=66, type_vocab_size=1, pad_token_id=1),
    "llama-reward": LlamaConfig(**DECODER, **ONE),
    "mistral-classifier": MistralConfig(**DECODER, **FEELINGS, sliding_window=24),
    # transformers writes no labels where there are its two.
    "qwen2-classifier": Qwen2Config(**QWEN2),
    "qwen3-classifier": Qwen3Config(**DECODER, **FEELINGS, tie_word_embeddings=True),
    "qwen2-reward-model": Qwen2Config(**QWEN2),
}
# Those that tests ask by text; the ids of RoBERTa's special tokens do not matter to random weights.
WITH_TOKENIZER = ["bert-reranker", "roberta-classifier"]
PAIRS = [["The weather", "It is sunny outside."], ["a cat", "a dog walks to the sea"], ["rain", ""], ["", "rain"]]


class RewardModel(nn.Module):
    """Qwen's reward models: transformers has no such class, their checkpoints bring one."""

    def __init__(self, config):
        super().__init__()
        self.model = Qwen2Model(config)
        self.score = nn.Sequential(nn.Linear(config.hidden_size, config.hidden_size), nn.ReLU(), nn.Linear(config.hidden_size, 1))

    def forward(self, ids, mask):
        return self.score(self.model(ids, attention_mask=mask).last_hidden_state[:, -1])

    def save_pretrained(self, folder):
        self.model.save_pretrained(folder)
        save_file(self.state_dict(), folder / "model.safetensors")
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | dict(architectures=["Qwen2ForRewardModel"]), indent=2) + "\n")


@torch.no_grad()
def random_model(config, is_reward):
    torch.manual_seed(3)
    model = RewardModel(config) if is_reward else AutoModelForSequenceClassification.from_config(config)
    for name, weight in model.named_parameters():
        if "norm" in name.lower() and name.endswith("weight"):
            weight.copy_(1 + 0.2 * torch.randn_like(weight))
        else:
            weight.copy_((0.3 if weight.dim() == 2 else 0.2) * torch.randn_like(weight))
        # Stored in bfloat16, computed in float32.
        weight.copy_(weight.bfloat16())
    return model.eval()


def save_checkpoint(name, model):
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    model.save_pretrained(folder)
    weights = {key: value.bfloat16() for key, value in load_file(folder / "model.safetensors").items()}
    save_file(weights, folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | dict(dtype="bfloat16"), indent=2) + "\n")
    if name in WITH_TOKENIZER:
        tokenizer().save(str(folder / "tokenizer.json"))
        settings = dict(tokenizer_class="BertTokenizer", model_max_length=512, cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]")
        (folder / "tokenizer_config.json").write_text(json.dumps(settings | dict(unk_token="[UNK]", mask_token="[MASK]")) + "\n")


@torch.no_grad()
def scores(model, ids, types=None):
    ids = torch.tensor([ids])
    mask = torch.ones_like(ids)
    if isinstance(model, RewardModel):
        return reference.rounded(model(ids, mask)[0].tolist())
    given = dict() if types is None else dict(token_type_ids=torch.tensor([types]))
    return reference.rounded(model(input_ids=ids, attention_mask=mask, **given).logits[0].tolist())


def record(name):
    config = CLASSIFIERS[name]
    model = random_model(config, name == "qwen2-reward-model")
    if "pad_token_id" not in config.to_diff_dict() and not isinstance(model, RewardModel):
        # The last token counts, whatever it is.
        model.config.pad_token_id = None
    save_checkpoint(name, model)
    generator = torch.Generator().manual_seed(5)
    prompts = [torch.randint(5, config.vocab_size, (length,), generator=generator).tolist() for length in LENGTHS]
    cases = [dict(input_ids=ids, pair_at=None, scores=scores(model, ids)) for ids in prompts]
    pairs = []
    if name == "bert-reranker":
        whole = tokenizer()
        whole.no_truncation()
        whole.no_padding()
        for first, second in PAIRS:
            encoded = whole.encode(first, second)
            found = dict(input_ids=encoded.ids, pair_at=encoded.type_ids.index(1), scores=scores(model, encoded.ids, encoded.type_ids))
            pairs.append(dict(texts=[first, second], **found))
    golden = dict(how=reference.HOW, cases=cases, pairs=pairs)
    (FOLDER / name / "scores.json").write_text(json.dumps(golden) + "\n")
    print(f"{name}: {sum(file.stat().st_size for file in (FOLDER / name).rglob('*') if file.is_file())} bytes")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name in sys.argv[1:] or CLASSIFIERS:
        record(name)
