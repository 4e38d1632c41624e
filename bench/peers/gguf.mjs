import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { openPart, readShape, tensorsOf } from './checkpoint.mjs';

/** GGUF's numbers for types of values and of tensors. */
const [UINT32, FLOAT32, INT32, STRING, ARRAY] = [4, 6, 5, 8, 9];
const [F32, Q8_0] = [0, 8];
const ALIGNMENT = 32;
const BLOCK = 32;
const BLOCK_BYTES = 2 + BLOCK;

/**
 * The checkpoint as GGUF: matrices in Q8_0, vectors in float32. Its tokens are made up, because only ids go in and out.
 * @param {string} folder
 * @param {string} work
 * @returns {string} the file, made where it is not there yet
 */
export function ggufOf(folder, work) {
  const file = join(work, 'model-q8_0.gguf');
  if (existsSync(file)) return file;
  const built = createRequire(import.meta.url);
  const { openCheckpoint } = built('../../dist/checkpoint/checkpoint.js');
  const { readFloats } = built('../../dist/checkpoint/safetensors.js');
  const shape = readShape(folder);
  const weights = openCheckpoint(folder);
  const tensors = tensorsOf(shape).map((tensor) => ({
    ...tensor,
    type: tensor.shape.length > 1 ? Q8_0 : F32,
  }));
  const metadata = metadataOf(shape);
  let offset = 0;
  const infos = tensors.map(({ gguf, shape: dims, type }) => {
    const size = dims.reduce((product, length) => product * length, 1);
    const info = [text(gguf), u32(dims.length), ...dims.toReversed().map(u64), u32(type), u64(offset)];
    offset += padded(type === F32 ? size * 4 : (size / BLOCK) * BLOCK_BYTES);
    return Buffer.concat(info);
  });
  const head = Buffer.concat([
    Buffer.from('GGUF'),
    u32(3),
    u64(tensors.length),
    u64(metadata.length),
    ...metadata,
    ...infos,
  ]);
  const part = openPart(file);
  part.write(head, Buffer.alloc(padded(head.length) - head.length));
  for (const { name, shape: dims, type, heads } of tensors) {
    const stored = readFloats(weights.get(name, dims));
    const values = heads === undefined ? stored : interleaved(stored, heads, dims);
    const bytes =
      type === F32 ? Buffer.from(values.buffer, values.byteOffset, values.byteLength) : q8(values);
    part.write(bytes, Buffer.alloc(padded(bytes.length) - bytes.length));
  }
  part.done();
  return file;
}

/** @param {ReturnType<typeof readShape>} shape */
function metadataOf(shape) {
  const { architecture, vocabulary } = shape;
  const value = (/** @type {string} */ name, /** @type {number} */ type, /** @type {Buffer[]} */ ...bytes) =>
    Buffer.concat([text(name), u32(type), ...bytes]);
  const count = (/** @type {string} */ name, /** @type {number} */ n) => value(name, UINT32, u32(n));
  const list = (/** @type {string} */ name, /** @type {number} */ type, /** @type {Buffer[]} */ items) =>
    value(name, ARRAY, u32(type), u64(items.length), Buffer.concat(items));
  return [
    value('general.architecture', STRING, text(architecture)),
    value('general.name', STRING, text('bench')),
    count('general.file_type', 7),
    count(`${architecture}.block_count`, shape.layers),
    count(`${architecture}.context_length`, shape.contextLength),
    count(`${architecture}.embedding_length`, shape.hidden),
    count(`${architecture}.feed_forward_length`, shape.feedForward),
    count(`${architecture}.attention.head_count`, shape.heads),
    count(`${architecture}.attention.head_count_kv`, shape.kvHeads),
    count(`${architecture}.rope.dimension_count`, shape.headSize),
    count(`${architecture}.vocab_size`, vocabulary),
    value(`${architecture}.rope.freq_base`, FLOAT32, f32(shape.theta)),
    value(`${architecture}.attention.layer_norm_rms_epsilon`, FLOAT32, f32(shape.epsilon)),
    value('tokenizer.ggml.model', STRING, text('gpt2')),
    value('tokenizer.ggml.pre', STRING, text('qwen2')),
    list(
      'tokenizer.ggml.tokens',
      STRING,
      Array.from({ length: vocabulary }, (_, i) => text(`t${i}`)),
    ),
    list(
      'tokenizer.ggml.token_type',
      INT32,
      Array.from({ length: vocabulary }, () => u32(1)),
    ),
    list('tokenizer.ggml.merges', STRING, [text('t 0')]),
    count('tokenizer.ggml.bos_token_id', 1),
    count('tokenizer.ggml.eos_token_id', 2),
  ];
}

/**
 * Rows of each head in the order first, middle, second, middle + 1 …
 * @param {Float32Array} values
 * @param {number} heads
 * @param {readonly number[]} dims rows and columns
 */
function interleaved(values, heads, [rows = 0, columns = 0]) {
  const size = rows / heads;
  const out = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    const within = row % size;
    const from = row - within + (within >> 1) + (within & 1 ? size / 2 : 0);
    out.set(values.subarray(from * columns, (from + 1) * columns), row * columns);
  }
  return out;
}

/**
 * Blocks of 32 int8 with a scale in float16.
 * @param {Float32Array} values
 */
function q8(values) {
  const out = Buffer.alloc((values.length / BLOCK) * BLOCK_BYTES);
  for (let at = 0, to = 0; at < values.length; at += BLOCK, to += BLOCK_BYTES) {
    let largest = 0;
    for (let i = 0; i < BLOCK; i++) largest = Math.max(largest, Math.abs(values[at + i] ?? 0));
    const scale = largest / 127;
    out.writeUInt16LE(half(scale), to);
    for (let i = 0; i < BLOCK; i++) out[to + 2 + i] = scale ? Math.round((values[at + i] ?? 0) / scale) : 0;
  }
  return out;
}

const bits = new Uint32Array(1);
const float = new Float32Array(bits.buffer);

/**
 * Float16 of a number of at least zero, rounded to the nearest.
 * @param {number} value
 */
function half(value) {
  if (value < 2 ** -14) return Math.round(value * 2 ** 24);
  float[0] = value;
  return ((bits[0] ?? 0) - (112 << 23) + 0x1000) >>> 13;
}

const padded = (/** @type {number} */ bytes) => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

function u32(/** @type {number} */ value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(/** @type {number} */ value) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function f32(/** @type {number} */ value) {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

function text(/** @type {string} */ value) {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
}
