import { StartupError } from '../../../../src/core/errors';
import { Folders } from '../../checkpoint/folders';
import { loadDecoderConfig } from './load';

const folders = new Folders();
afterAll(() => folders.removeAll());

const base = {
  vocab_size: 1000,
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 4,
  num_attention_heads: 8,
  num_key_value_heads: 2,
  max_position_embeddings: 512,
};
const mixtral = { ...base, architectures: ['MixtralForCausalLM'], model_type: 'mixtral' };
const qwen2 = { ...base, architectures: ['Qwen2MoeForCausalLM'], model_type: 'qwen2_moe' };
const qwen3 = { ...base, architectures: ['Qwen3MoeForCausalLM'], model_type: 'qwen3_moe' };
const olmoe = { ...base, architectures: ['OlmoeForCausalLM'], model_type: 'olmoe' };

const load = (config: object) => loadDecoderConfig(folders.create({ 'config.json': config }));

describe('what a config leaves out', () => {
  test.each([
    ['mixtral', mixtral, { count: 8, chosen: 2, intermediateSize: 128, normalized: true }],
    ['qwen2', qwen2, { count: 60, chosen: 4, intermediateSize: 1408, sharedIntermediateSize: 5632, normalized: false }],
    ['qwen3', qwen3, { count: 128, chosen: 8, intermediateSize: 768, sharedIntermediateSize: null, normalized: false }],
    ['olmoe', olmoe, { count: 64, chosen: 8, intermediateSize: 128, sharedIntermediateSize: null, normalized: false }],
  ])('%s', (_, config, expected) => {
    const { experts } = load(config);
    expect(experts).toHaveLength(4);
    for (const layer of experts) expect(layer).toMatchObject(expected);
  });
});

test('what a config says counts', () => {
  const said = { num_experts: 6, num_experts_per_tok: 6, moe_intermediate_size: 24, norm_topk_prob: true };
  const [experts] = load({ ...qwen2, ...said, shared_expert_intermediate_size: 40 }).experts;
  expect(experts).toMatchObject({
    count: 6,
    chosen: 6,
    intermediateSize: 24,
    sharedIntermediateSize: 40,
    normalized: true,
  });
  expect(load({ ...mixtral, num_local_experts: 4 }).experts[0]?.count).toBe(4);
});

test('Mixtral normalizes whatever its config says', () => {
  expect(load({ ...mixtral, norm_topk_prob: false }).experts[0]?.normalized).toBe(true);
});

test.each([
  [{ decoder_sparse_step: 2 }, [1, 3]],
  [{ mlp_only_layers: [0, 3] }, [1, 2]],
  [{ decoder_sparse_step: 2, mlp_only_layers: [1] }, [3]],
  [{ num_experts: 0 }, []],
])('layers with experts: %j', (fields, expected) => {
  const { experts } = load({ ...qwen3, ...fields });
  expect([0, 1, 2, 3].filter((layer) => experts[layer] !== null)).toEqual(expected);
});

test('a model without experts has none', () => {
  expect(load({ ...base, architectures: ['Qwen3ForCausalLM'], model_type: 'qwen3', num_experts: 8 }).experts).toEqual([]);
});

test.each([
  [{ num_experts: 4 }, "'num_experts_per_tok' must be at most the number of experts 4, found 8"],
  [{ num_experts: 1.5 }, "'num_experts' must be a whole number from 0 to 4096, found '1.5'"],
  [{ mlp_only_layers: ['x'] }, "'mlp_only_layers' must be a list of layers, found '[\"x\"]'"],
  [{ decoder_sparse_step: 0 }, "'decoder_sparse_step' must be a whole number from 1 to 4096, found '0'"],
])('refuses %j', (fields, message) => {
  expect(() => load({ ...qwen3, ...fields })).toThrow(StartupError);
  expect(() => load({ ...qwen3, ...fields })).toThrow(message);
});

describe('windows', () => {
  const used = { use_sliding_window: true, sliding_window: 32, max_window_layers: 3 };
  test.each([
    ['qwen2', { ...qwen2, ...used }, [32, null, 32, null]],
    ['qwen2 without its switch', { ...qwen2, ...used, use_sliding_window: false }, [null, null, null, null]],
    ['qwen3', { ...qwen3, ...used }, [32, 32, 32, 32]],
    ['mixtral', { ...mixtral, sliding_window: 32 }, [32, 32, 32, 32]],
    ['mixtral says nothing', mixtral, [null, null, null, null]],
  ])('%s', (_, config, expected) => expect(load(config).slidingWindows).toEqual(expected));
});
