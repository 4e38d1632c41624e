/**
 * Makes the small random checkpoint that tests serve: a Qwen2ForCausalLM with a working tokenizer and chat template whose
 * weights are random numbers. What it says has no meaning and is always the same.
 *
 *     node tools/random-checkpoint/make.mjs [folder] [seed]
 *
 * Folder: test/model/checkpoints/random-qwen2; seed: 24. The same seed gives the same bytes. After a
 * change record its golden.json anew with record_golden.py.
 *
 * The scales are chosen so that greedy output wanders: the layers add more to a token's vector than its embedding (which
 * is also the output matrix) holds, or each token would predict itself.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { learnMerges, tokenizerJson } from './bpe.mjs';
import { text } from './text.mjs';

const folder = process.argv[2] ?? path.join(import.meta.dirname, '../../test/model/checkpoints/random-qwen2');
const seed = Number(process.argv[3] ?? 24);

const EMBEDDING_STD = 0.7;
const MATRIX_STD = 0.3;
const BIAS_STD = 0.2;
const NORM_STD = 0.1;

const specialTokens = ['<|endoftext|>', '<|im_start|>', '<|im_end|>'];
const vocabSize = 512;
const tokenizer = tokenizerJson(learnMerges(text, vocabSize - 256 - specialTokens.length), specialTokens);
const [endOfText, , endOfTurn] = tokenizer.added_tokens.map((token) => token.id);

const config = {
  architectures: ['Qwen2ForCausalLM'],
  model_type: 'qwen2',
  vocab_size: vocabSize,
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  hidden_act: 'silu',
  max_position_embeddings: 2048,
  rms_norm_eps: 1e-6,
  rope_theta: 10000.0,
  tie_word_embeddings: true,
  use_sliding_window: false,
  attention_dropout: 0.0,
  initializer_range: MATRIX_STD,
  use_cache: true,
  bos_token_id: endOfText,
  eos_token_id: endOfTurn,
  torch_dtype: 'bfloat16',
};

const chatTemplate =
  "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}" +
  '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}' +
  "<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}" +
  '{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}';

const tokenizerConfig = {
  tokenizer_class: 'Qwen2Tokenizer',
  add_bos_token: false,
  add_prefix_space: false,
  added_tokens_decoder: Object.fromEntries(tokenizer.added_tokens.map(({ id, ...token }) => [id, token])),
  additional_special_tokens: specialTokens.slice(1),
  bos_token: null,
  eos_token: '<|im_end|>',
  pad_token: '<|endoftext|>',
  unk_token: null,
  chat_template: chatTemplate,
  clean_up_tokenization_spaces: false,
  errors: 'replace',
  model_max_length: config.max_position_embeddings,
  split_special_tokens: false,
};

const generationConfig = {
  do_sample: true,
  temperature: 0.7,
  top_k: 20,
  top_p: 0.8,
  bos_token_id: endOfText,
  pad_token_id: endOfText,
  eos_token_id: [endOfTurn, endOfText],
};

let state = seed;

/** Uniform in (0, 1), mulberry32. */
function uniform() {
  state = (state + 0x6d2b79f5) | 0;
  let z = Math.imul(state ^ (state >>> 15), state | 1);
  z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
  return (((z ^ (z >>> 14)) >>> 0) + 0.5) / 2 ** 32;
}

function normal() {
  return Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** Rounds to the nearest bf16, ties to even, as its 16 bits. */
function toBf16(value) {
  const bits = new Uint32Array(new Float32Array([value]).buffer)[0];
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

function randomTensor(shape, std, mean = 0) {
  const count = shape.reduce((product, size) => product * size, 1);
  return { shape, bits: Uint16Array.from({ length: count }, () => toBf16(mean + std * normal())) };
}

function* tensors() {
  const hidden = config.hidden_size;
  const kv = (hidden / config.num_attention_heads) * config.num_key_value_heads;
  const norm = () => randomTensor([hidden], NORM_STD, 1);
  yield ['model.embed_tokens.weight', randomTensor([vocabSize, hidden], EMBEDDING_STD)];
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const at = `model.layers.${layer}`;
    yield [`${at}.input_layernorm.weight`, norm()];
    for (const [name, size] of [
      ['q', hidden],
      ['k', kv],
      ['v', kv],
    ]) {
      yield [`${at}.self_attn.${name}_proj.weight`, randomTensor([size, hidden], MATRIX_STD)];
      yield [`${at}.self_attn.${name}_proj.bias`, randomTensor([size], BIAS_STD)];
    }
    yield [`${at}.self_attn.o_proj.weight`, randomTensor([hidden, hidden], MATRIX_STD)];
    yield [`${at}.post_attention_layernorm.weight`, norm()];
    yield [`${at}.mlp.gate_proj.weight`, randomTensor([config.intermediate_size, hidden], MATRIX_STD)];
    yield [`${at}.mlp.up_proj.weight`, randomTensor([config.intermediate_size, hidden], MATRIX_STD)];
    yield [`${at}.mlp.down_proj.weight`, randomTensor([hidden, config.intermediate_size], MATRIX_STD)];
  }
  yield ['model.norm.weight', norm()];
}

function safetensors(named) {
  const header = { __metadata__: { format: 'pt' } };
  const data = [];
  let end = 0;
  for (const [name, { shape, bits }] of named) {
    const bytes = Buffer.from(bits.buffer);
    header[name] = { dtype: 'BF16', shape, data_offsets: [end, (end += bytes.length)] };
    data.push(bytes);
  }
  let text = JSON.stringify(header);
  text = text.padEnd(Math.ceil(text.length / 8) * 8);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, Buffer.from(text), ...data]);
}

const json = (value) => `${JSON.stringify(value, null, 2)}\n`;
fs.mkdirSync(folder, { recursive: true });
const files = {
  'config.json': json(config),
  'generation_config.json': json(generationConfig),
  'tokenizer_config.json': json(tokenizerConfig),
  'tokenizer.json': json(tokenizer),
  'model.safetensors': safetensors(tensors()),
};
for (const [name, content] of Object.entries(files)) fs.writeFileSync(path.join(folder, name), content);
