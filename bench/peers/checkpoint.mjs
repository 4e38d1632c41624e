import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

/**
 * The tensors of a decoder shaped as Llama or Qwen 2, by their names in a checkpoint and in a GGUF file.
 * @typedef {{ name: string, gguf: string, shape: number[], heads?: number }} Tensor heads: of which the rotary halves are interleaved in GGUF
 */

const ARCHITECTURES = { LlamaForCausalLM: 'llama', Qwen2ForCausalLM: 'qwen2' };

/**
 * What both formats need to know of a `config.json`.
 * @param {string} folder
 */
export function readShape(folder) {
  const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));
  const architecture = ARCHITECTURES[/** @type {keyof typeof ARCHITECTURES} */ (config.architectures?.[0])];
  if (architecture === undefined) {
    throw new Error(`${folder}: ${config.architectures} is none of ${Object.keys(ARCHITECTURES).join(', ')}`);
  }
  if (config.rope_scaling) throw new Error(`${folder}: rope_scaling is not written to GGUF here`);
  const heads = config.num_attention_heads;
  return {
    architecture,
    layers: config.num_hidden_layers,
    hidden: config.hidden_size,
    feedForward: config.intermediate_size,
    heads,
    kvHeads: config.num_key_value_heads ?? heads,
    headSize: config.head_dim ?? config.hidden_size / heads,
    vocabulary: config.vocab_size,
    contextLength: config.max_position_embeddings,
    epsilon: config.rms_norm_eps,
    theta: config.rope_theta ?? config.rope_parameters?.rope_theta ?? 10000,
    tied: config.tie_word_embeddings ?? false,
  };
}

/**
 * @param {ReturnType<typeof readShape>} shape
 * @returns {Tensor[]}
 */
export function tensorsOf(shape) {
  const { architecture, hidden, feedForward, vocabulary, kvHeads } = shape;
  const [query, keys] = [shape.heads * shape.headSize, kvHeads * shape.headSize];
  // Llama's rotary pairs are halves in a checkpoint and neighbours in GGUF; Qwen's are halves in both.
  const [interleaved, interleavedKv] = architecture === 'llama' ? [shape.heads, kvHeads] : [];
  const layer = [
    { name: 'input_layernorm.weight', gguf: 'attn_norm.weight', shape: [hidden] },
    { name: 'self_attn.q_proj.weight', gguf: 'attn_q.weight', shape: [query, hidden], heads: interleaved },
    { name: 'self_attn.k_proj.weight', gguf: 'attn_k.weight', shape: [keys, hidden], heads: interleavedKv },
    { name: 'self_attn.v_proj.weight', gguf: 'attn_v.weight', shape: [keys, hidden] },
    { name: 'self_attn.o_proj.weight', gguf: 'attn_output.weight', shape: [hidden, query] },
    { name: 'post_attention_layernorm.weight', gguf: 'ffn_norm.weight', shape: [hidden] },
    { name: 'mlp.gate_proj.weight', gguf: 'ffn_gate.weight', shape: [feedForward, hidden] },
    { name: 'mlp.up_proj.weight', gguf: 'ffn_up.weight', shape: [feedForward, hidden] },
    { name: 'mlp.down_proj.weight', gguf: 'ffn_down.weight', shape: [hidden, feedForward] },
  ];
  if (architecture === 'qwen2') {
    layer.push(
      { name: 'self_attn.q_proj.bias', gguf: 'attn_q.bias', shape: [query] },
      { name: 'self_attn.k_proj.bias', gguf: 'attn_k.bias', shape: [keys] },
      { name: 'self_attn.v_proj.bias', gguf: 'attn_v.bias', shape: [keys] },
    );
  }
  const inLayer = (/** @type {number} */ i) =>
    layer.map((tensor) => ({
      ...tensor,
      name: `model.layers.${i}.${tensor.name}`,
      gguf: `blk.${i}.${tensor.gguf}`,
    }));
  return [
    { name: 'model.embed_tokens.weight', gguf: 'token_embd.weight', shape: [vocabulary, hidden] },
    { name: 'model.norm.weight', gguf: 'output_norm.weight', shape: [hidden] },
    ...(shape.tied ? [] : [{ name: 'lm_head.weight', gguf: 'output.weight', shape: [vocabulary, hidden] }]),
    ...Array.from({ length: shape.layers }, (_, i) => inLayer(i)).flat(),
  ];
}

/**
 * @param {string} folder that has a config.json
 * @param {string} work
 * @returns {{ folder: string, isRandom: boolean }} the folder itself, or where it has no weights one in `work` with random weights in float32
 */
export function checkpointOf(folder, work) {
  if (readdirSync(folder).some((name) => name.endsWith('.safetensors'))) return { folder, isRandom: false };
  const made = join(work, 'checkpoint');
  const file = join(made, 'model.safetensors');
  if (!existsSync(file)) {
    mkdirSync(made, { recursive: true });
    copyFileSync(join(folder, 'config.json'), join(made, 'config.json'));
    writeRandom(file, tensorsOf(readShape(folder)));
  }
  return { folder: made, isRandom: true };
}

/** Values before the noise repeats itself: a prime, so that no two rows of a matrix are the same. */
const NOISE = 999_983;
/** Bytes of the noise from the start of one tensor to that of the next: whole numbers. */
const STEP = 4 * 7919;

/**
 * A safetensors file of float32: norms are one, all else is uniform in ±0.05.
 * @param {string} file
 * @param {readonly Tensor[]} tensors
 */
function writeRandom(file, tensors) {
  const noise = Buffer.from(Float32Array.from({ length: NOISE }, () => (Math.random() - 0.5) / 10).buffer);
  let end = 0;
  const header = Object.fromEntries(
    tensors.map(({ name, shape }) => {
      const begin = end;
      end += 4 * shape.reduce((product, size) => product * size, 1);
      return [name, { dtype: 'F32', shape, data_offsets: [begin, end] }];
    }),
  );
  const json = Buffer.from(JSON.stringify(header).replace(/$/, ' '.repeat(8)));
  const length = Buffer.alloc(8);
  const text = json.subarray(0, json.length - (json.length % 8));
  length.writeBigUInt64LE(BigInt(text.length));
  const part = openPart(file);
  part.write(length, text);
  for (const [index, { name, shape }] of tensors.entries()) {
    const size = shape.reduce((product, length) => product * length, 1);
    if (name.endsWith('norm.weight')) {
      part.write(Buffer.from(new Float32Array(size).fill(1).buffer));
      continue;
    }
    // Each begins elsewhere: of equal tensors some libraries keep one.
    let from = (index * STEP) % noise.length;
    for (let left = size * 4; left > 0; from = 0) {
      const chunk = noise.subarray(from, from + left);
      part.write(chunk);
      left -= chunk.length;
    }
  }
  part.done();
}

/**
 * A file that has its name only when it is whole.
 * @param {string} file
 */
export function openPart(file) {
  const part = `${file}.part`;
  const fd = openSync(part, 'w');
  return {
    write: (/** @type {Uint8Array[]} */ ...chunks) => chunks.forEach((chunk) => writeSync(fd, chunk)),
    done() {
      closeSync(fd);
      renameSync(part, file);
    },
  };
}
