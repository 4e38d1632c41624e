import * as path from 'node:path';
import type { DecoderConfig } from '../../../src/models/config/decoder-config';
import { loadDecoderConfig } from '../models/config/load';
import { openCheckpoint } from '../../../src/checkpoint/checkpoint';

const root = path.join(__dirname, '../../..');
const checkpoints = path.join(root, 'test/model/checkpoints');

/** Every tensor a decoder of this config has, and its shape. */
function expectedTensors(config: DecoderConfig): Map<string, number[]> {
  const { hiddenSize, intermediateSize, vocabSize, headDim } = config;
  const query = config.numHeads * headDim;
  const keyValue = config.numKvHeads * headDim;
  const tensors = new Map([
    ['model.embed_tokens.weight', [vocabSize, hiddenSize]],
    ['model.norm.weight', [hiddenSize]],
  ]);
  if (!config.tieWordEmbeddings) tensors.set('lm_head.weight', [vocabSize, hiddenSize]);
  for (let layer = 0; layer < config.numLayers; layer++) {
    const linear = (name: string, to: number, from: number, bias: boolean) => {
      tensors.set(`model.layers.${layer}.${name}.weight`, [to, from]);
      if (bias) tensors.set(`model.layers.${layer}.${name}.bias`, [to]);
    };
    linear('self_attn.q_proj', query, hiddenSize, config.qkvBias);
    linear('self_attn.k_proj', keyValue, hiddenSize, config.qkvBias);
    linear('self_attn.v_proj', keyValue, hiddenSize, config.qkvBias);
    linear('self_attn.o_proj', hiddenSize, query, config.outputBias);
    linear('mlp.gate_proj', intermediateSize, hiddenSize, config.mlpBias);
    linear('mlp.up_proj', intermediateSize, hiddenSize, config.mlpBias);
    linear('mlp.down_proj', hiddenSize, intermediateSize, config.mlpBias);
    const norms = ['input_layernorm', 'post_attention_layernorm'];
    for (const name of norms) tensors.set(`model.layers.${layer}.${name}.weight`, [hiddenSize]);
    if (config.qkNorm === 'none') continue;
    for (const name of ['q_norm', 'k_norm'])
      tensors.set(`model.layers.${layer}.self_attn.${name}.weight`, [headDim]);
  }
  return tensors;
}

const folders = [
  path.join(root, 'models/demo-chat'),
  path.join(root, 'models/demo-tools'),
  ...[
    'llama-fp16-biases',
    'llama-head-dim-8',
    'llama-linear-rope',
    'llama-llama3-rope',
    'llama-sharded',
    'mistral-sliding-window',
    'qwen2-upper-window',
    'qwen3',
    'random-qwen2',
  ].map((name) => path.join(checkpoints, name)),
];

test.each(folders.map((dir) => [path.basename(dir), dir]))('%s holds what its config promises', (_, dir) => {
  const config = loadDecoderConfig(dir, {});
  const weights = openCheckpoint(dir);
  for (const [name, shape] of expectedTensors(config)) {
    const tensor = weights.get(name, shape);
    expect(tensor.dtype).toBe({ bfloat16: 'BF16', float16: 'F16' }[config.torchDtype]);
  }
  weights.close();
});

test('the special features are seen', () => {
  const load = (name: string) => loadDecoderConfig(path.join(checkpoints, name), {});
  expect(load('llama-llama3-rope').ropes[0]?.scaling).toMatchObject({ kind: 'llama3', factor: 8 });
  expect(load('llama-linear-rope')).toMatchObject({
    ropes: [{ scaling: { kind: 'linear', factor: 4 } }, { scaling: { kind: 'linear', factor: 4 } }],
    contextLen: 512,
  });
  expect(load('mistral-sliding-window').slidingWindows).toEqual([24, 24]);
  expect(load('qwen2-upper-window').slidingWindows).toEqual([null, 24]);
  expect(load('llama-head-dim-8')).toMatchObject({ headDim: 8, tieWordEmbeddings: true });
  expect(openCheckpoint(path.join(checkpoints, 'llama-sharded')).files).toHaveLength(4);
});

test('the random checkpoint states its end tokens and sampling defaults', () => {
  expect(loadDecoderConfig(path.join(checkpoints, 'random-qwen2'), {})).toMatchObject({
    eosTokenIds: [509, 511],
    bosTokenId: 509,
    contextLen: 2048,
    generationDefaults: { temperature: 0.7, top_k: 20, top_p: 0.8 },
  });
});
