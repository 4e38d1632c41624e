import * as fs from 'node:fs';
import * as path from 'node:path';
import { loadModelConfig } from '../../../src/model-runner/config/model-config';
import { dummyWeights, type TensorRef } from '../../../src/model-runner/weights/checkpoint';
import { Folders } from './folders';

const folders = new Folders();
afterAll(() => folders.removeAll());

const config = loadModelConfig(
  folders.create({
    'config.json': {
      architectures: ['Qwen2ForCausalLM'],
      model_type: 'qwen2',
      vocab_size: 1000,
      hidden_size: 64,
      intermediate_size: 128,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      max_position_embeddings: 128,
      tie_word_embeddings: true,
    },
  }),
  {},
);

function values({ file, offset, byteLength }: TensorRef): Float32Array {
  const bytes = fs.readFileSync(file).subarray(offset, offset + byteLength);
  const bits = Uint32Array.from({ length: byteLength / 2 }, (_, at) => bytes.readUInt16LE(at * 2) * 65536);
  return new Float32Array(bits.buffer);
}

test('every tensor is backed by small random values, the same on every start', () => {
  const first = dummyWeights(config);
  const second = dummyWeights(config);
  const ask = (name: string) =>
    [values(first.get(name, [64, 128])), values(second.get(name, [64, 128]))] as const;
  const [gate, gateAgain] = ask('model.layers.0.mlp.gate_proj.weight');
  const [up] = ask('model.layers.0.mlp.up_proj.weight');
  expect(gate).toHaveLength(64 * 128);
  expect(gate).toEqual(gateAgain);
  expect(gate).not.toEqual(up);
  expect(Math.max(...gate)).toBeLessThanOrEqual(0.05);
  expect(Math.max(...gate)).toBeGreaterThan(0.045);
  expect(Math.min(...gate)).toBeGreaterThanOrEqual(-0.05);
  expect(Math.abs(gate.reduce((sum, value) => sum + value, 0) / gate.length)).toBeLessThan(0.002);
  first.close();
  second.close();
});

test('a tensor larger than the config suggests still lies inside the file', () => {
  const weights = dummyWeights(config);
  const tensor = weights.get('model.experts', [40, 64, 1000]);
  expect(tensor.offset + tensor.byteLength).toBeLessThanOrEqual(fs.statSync(tensor.file).size);
  const rows = values(tensor);
  const period = 999_983;
  expect(rows[0]).toBe(rows[period]);
  expect(rows.subarray(0, 1000)).not.toEqual(rows.subarray(1_000_000, 1_001_000));
  weights.close();
});

test('has what the config says', () => {
  const weights = dummyWeights(config);
  const has = (name: string) => weights.has(name);
  expect(has('model.embed_tokens.weight')).toBe(true);
  expect(has('lm_head.weight')).toBe(false);
  expect(has('model.layers.0.self_attn.q_proj.bias')).toBe(true);
  expect(has('model.layers.0.self_attn.o_proj.bias')).toBe(false);
  expect(has('model.layers.0.mlp.down_proj.bias')).toBe(false);
  weights.close();

  const other = dummyWeights({
    ...config,
    tieWordEmbeddings: false,
    qkvBias: false,
    outputBias: true,
    mlpBias: true,
  });
  expect(other.has('lm_head.weight')).toBe(true);
  expect(other.has('model.layers.0.self_attn.v_proj.bias')).toBe(false);
  expect(other.has('model.layers.0.self_attn.o_proj.bias')).toBe(true);
  expect(other.has('model.layers.0.mlp.down_proj.bias')).toBe(true);
  other.close();
});

test('counts the bytes of the model, not of the file', () => {
  const weights = dummyWeights(config);
  const layer = 64 * (64 + 64 + 32 + 32) + 3 * 64 * 128 + 2 * 64;
  expect(weights.totalBytes).toBe(2 * (2 * layer + 1000 * 64 + 64));
  weights.close();
});

test('close deletes the file', () => {
  const weights = dummyWeights(config);
  const [file] = weights.files;
  expect(fs.existsSync(file ?? '')).toBe(true);
  const listeners = process.listenerCount('exit');
  weights.close();
  expect(fs.existsSync(path.dirname(file ?? ''))).toBe(false);
  expect(process.listenerCount('exit')).toBe(listeners - 1);
});
