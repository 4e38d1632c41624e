"""Makes the tiny random encoders of test/model/checkpoints, and records in each one's vectors.json which vectors
sentence-transformers gives for its texts in every way of pooling.

    pip install sentence-transformers
    python tools/golden/record_encoders.py [name ...] && npx prettier --write test/model

A case is a text's ids under a way of pooling: what stands in `modules.json`, or null for a checkpoint without it, whose vectors
are those of the first token at length 1.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import sentence_transformers
import torch
import transformers
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, RobertaConfig, RobertaModel, XLMRobertaConfig, XLMRobertaModel

import reference

FOLDER = Path(__file__).resolve().parents[2] / "test/model/checkpoints"
LENGTHS = [2, 5, 1, 40, 17]
HIDDEN = 32
DENSE_OUT = 24
SHAPE = dict(
    vocab_size=128,
    hidden_size=HIDDEN,
    intermediate_size=64,
    num_hidden_layers=2,
    num_attention_heads=4,
    hidden_dropout_prob=0.0,
    attention_probs_dropout_prob=0.0,
)
ENCODERS = {
    "bert": (BertModel, BertConfig(**SHAPE, max_position_embeddings=64, pad_token_id=0)),
    "roberta": (RobertaModel, RobertaConfig(**SHAPE, max_position_embeddings=66, type_vocab_size=1, pad_token_id=1, layer_norm_eps=1e-5)),
    "xlm-roberta": (
        XLMRobertaModel,
        XLMRobertaConfig(**SHAPE, max_position_embeddings=69, type_vocab_size=1, pad_token_id=4, hidden_act="gelu_new"),
    ),
}
BOOLEANS = {
    "cls": "cls_token",
    "max": "max_tokens",
    "mean": "mean_tokens",
    "mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "weightedmean": "weightedmean_tokens",
    "lasttoken": "lasttoken",
}
# Modes of pooling and the modules behind it.
WAYS = {
    "cls": (["cls"], []),
    "max": (["max"], []),
    "mean": (["mean"], ["Normalize"]),
    "mean_sqrt_len_tokens": (["mean_sqrt_len_tokens"], []),
    "weightedmean": (["weightedmean"], ["Normalize"]),
    "lasttoken": (["lasttoken"], ["Normalize"]),
    "two and dense": (["cls", "mean"], ["Dense", "Normalize"]),
}
WORDS = """the a river sea cat dog sleeps walks water is high and low path along morning home rain tonight table heavy capital of
france paris one two three weather lovely today it so sunny outside he drove to stadium""".split()
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
TEXTS = ["The weather is lovely today.", "A cat sleeps, a dog walks", "Rain", "", "the river " * 12]


def tokenizer():
    """WordPiece as BERT has it; like that of all-MiniLM-L6-v2 it says that texts are cut and padded to a length of its own."""
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    vocabulary = SPECIAL + WORDS + letters[1:] + ["##" + letter for letter in letters] + [".", ",", "!"]
    made = Tokenizer(models.WordPiece({token: at for at, token in enumerate(vocabulary)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    made.add_special_tokens(SPECIAL)
    made.enable_truncation(8)
    made.enable_padding(length=8)
    assert made.get_vocab_size() <= SHAPE["vocab_size"]
    return made


@torch.no_grad()
def random_model(kind, config, seed):
    torch.manual_seed(seed)
    model = kind(config, add_pooling_layer=False).eval()
    for name, weight in model.named_parameters():
        if "LayerNorm.weight" in name:
            weight.copy_(1 + 0.2 * torch.randn_like(weight))
        else:
            weight.copy_((0.3 if weight.dim() == 2 else 0.2) * torch.randn_like(weight))
    return model


def save_checkpoint(name, folder):
    kind, config = ENCODERS[name]
    shutil.rmtree(folder, ignore_errors=True)
    random_model(kind, config, seed=3).save_pretrained(folder)
    if name == "bert":
        tokenizer().save(str(folder / "tokenizer.json"))
        settings = dict(tokenizer_class="BertTokenizer", model_max_length=512, cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]")
        (folder / "tokenizer_config.json").write_text(json.dumps(settings | dict(unk_token="[UNK]", mask_token="[MASK]")) + "\n")
        write_modules(folder, *WAYS["mean"])
        (folder / "sentence_bert_config.json").write_text(json.dumps(dict(max_seq_length=48, do_lower_case=False)) + "\n")


def write_modules(folder, modes, behind):
    """modules.json and the folders it names, as sentence-transformers wrote them until version 5."""
    listed = [("", "Transformer"), ("1_Pooling", "Pooling"), *((f"{at}_{kind}", kind) for at, kind in enumerate(behind, 2))]
    modules = [dict(idx=at, name=str(at), path=path, type=f"sentence_transformers.models.{kind}") for at, (path, kind) in enumerate(listed)]
    (folder / "modules.json").write_text(json.dumps(modules, indent=2) + "\n")
    pooling = {f"pooling_mode_{field}": mode in modes for mode, field in BOOLEANS.items()}
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "1_Pooling/config.json").write_text(json.dumps(dict(word_embedding_dimension=HIDDEN, **pooling), indent=2) + "\n")
    if "Dense" in behind:
        dense = folder / "2_Dense"
        dense.mkdir(exist_ok=True)
        inputs = HIDDEN * len(modes)
        settings = dict(in_features=inputs, out_features=DENSE_OUT, bias=True, activation_function="torch.nn.modules.activation.Tanh")
        (dense / "config.json").write_text(json.dumps(settings) + "\n")
        # Simple numbers, so that the test can make the same file.
        weight = torch.tensor([[((7 * row + 3 * column) % 11 - 5) / 20 for column in range(inputs)] for row in range(DENSE_OUT)])
        save_file({"linear.weight": weight, "linear.bias": torch.arange(DENSE_OUT) / 100}, dense / "model.safetensors")


@torch.no_grad()
def vectors(folder, prompts, modes, behind):
    with tempfile.TemporaryDirectory() as copy:
        copy = Path(copy) / "model"
        shutil.copytree(folder, copy)
        tokenizer().save(str(copy / "tokenizer.json"))
        (copy / "tokenizer_config.json").write_text(json.dumps(dict(tokenizer_class="PreTrainedTokenizerFast", pad_token="[PAD]")))
        write_modules(copy, modes, behind)
        model = sentence_transformers.SentenceTransformer(str(copy), device="cpu").eval()
        return [
            reference.rounded(model(dict(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long)))["sentence_embedding"][0].tolist())
            for ids in prompts
        ]


def record(name):
    folder = FOLDER / name
    save_checkpoint(name, folder)
    generator = torch.Generator().manual_seed(5)
    prompts = [torch.randint(5, SHAPE["vocab_size"], (length,), generator=generator).tolist() for length in LENGTHS]
    ways = {way: vectors(folder, prompts, modes, behind) for way, (modes, behind) in WAYS.items()}
    ways["none"] = vectors(folder, prompts, ["cls"], ["Normalize"])
    how = f"sentence-transformers {sentence_transformers.__version__}, transformers {transformers.__version__}, PyTorch {torch.__version__.split('+')[0]}, float32"
    golden = dict(how=how, prompts=prompts, ways={way: dict(zip(("modes", "behind"), WAYS.get(way, (None, None))), vectors=found) for way, found in ways.items()})
    if name == "bert":
        golden["texts"] = texts(folder)
    (folder / "vectors.json").write_text(json.dumps(golden) + "\n")
    print(f"{name}: {sum(file.stat().st_size for file in folder.rglob('*') if file.is_file())} bytes")


def texts(folder):
    """What the checkpoint as it stands says of texts: nothing is cut or padded but to its own length."""
    model = sentence_transformers.SentenceTransformer(str(folder), device="cpu").eval()
    whole = tokenizer()
    whole.no_truncation()
    whole.no_padding()
    found = []
    for text in TEXTS:
        ids = whole.encode(text).ids
        vector = model(dict(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long)))["sentence_embedding"][0]
        found.append(dict(text=text, input_ids=ids, vector=reference.rounded(vector.tolist())))
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name in sys.argv[1:] or ENCODERS:
        record(name)
