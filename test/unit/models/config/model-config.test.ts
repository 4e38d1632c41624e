import * as path from 'node:path';
import fc from 'fast-check';
import { StartupError } from '../../../../src/core/errors';
import { loadModelConfig } from '../../../../src/models/config/model-config';
import { Folders } from '../../checkpoint/folders';

const folders = new Folders();
afterAll(() => folders.removeAll());

const llama = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  vocab_size: 1000,
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 4,
  num_attention_heads: 8,
  max_position_embeddings: 512,
};
const mistral = {
  ...llama,
  architectures: ['MistralForCausalLM'],
  model_type: 'mistral',
  num_key_value_heads: 2,
};
const qwen2 = { ...mistral, architectures: ['Qwen2ForCausalLM'], model_type: 'qwen2' };
const qwen3 = { ...mistral, architectures: ['Qwen3ForCausalLM'], model_type: 'qwen3' };

const load = (config: object | string, overrides: Record<string, unknown> = {}, generation?: object) =>
  loadModelConfig(
    folders.create({
      'config.json': config,
      ...(generation === undefined ? {} : { 'generation_config.json': generation }),
    }),
    overrides,
  );

function refusal(
  config: object | string,
  overrides: Record<string, unknown> = {},
  generation?: object,
): string {
  try {
    load(config, overrides, generation);
  } catch (error) {
    expect(error).toBeInstanceOf(StartupError);
    expect((error as Error).message).not.toContain('\n');
    return (error as Error).message;
  }
  throw new Error('was accepted');
}

test('a bare Llama config gets the defaults of its family', () => {
  expect(load(llama)).toEqual({
    architecture: 'LlamaForCausalLM',
    architectures: ['LlamaForCausalLM'],
    modelType: 'llama',
    vocabSize: 1000,
    hiddenSize: 64,
    intermediateSize: 128,
    numLayers: 4,
    numHeads: 8,
    numKvHeads: 8,
    headDim: 8,
    rmsNormEps: 1e-6,
    hiddenAct: 'silu',
    tieWordEmbeddings: false,
    qkvBias: false,
    outputBias: false,
    mlpBias: false,
    ropeTheta: 10000,
    ropeScaling: null,
    maxPositionEmbeddings: 512,
    contextLen: 512,
    slidingWindows: [null, null, null, null],
    eosTokenIds: [],
    bosTokenId: null,
    torchDtype: 'float32',
    generationDefaults: {},
  });
});

test('what the config says is read', () => {
  const config = load({
    ...llama,
    num_key_value_heads: 4,
    head_dim: 16,
    rms_norm_eps: 1e-5,
    rope_theta: 500000,
    tie_word_embeddings: true,
    attention_bias: true,
    mlp_bias: true,
    bos_token_id: 1,
    eos_token_id: [7, 2],
    torch_dtype: 'bfloat16',
    unknown_field: { anything: true },
  });
  expect(config).toMatchObject({
    numKvHeads: 4,
    headDim: 16,
    rmsNormEps: 1e-5,
    ropeTheta: 500000,
    tieWordEmbeddings: true,
    qkvBias: true,
    outputBias: true,
    mlpBias: true,
    bosTokenId: 1,
    eosTokenIds: [2, 7],
    torchDtype: 'bfloat16',
  });
});

describe('biases of the attention', () => {
  test.each([
    ['llama', llama, {}, false, false],
    ['llama', llama, { attention_bias: true }, true, true],
    ['mistral', mistral, { attention_bias: true }, false, false],
    ['qwen2', qwen2, {}, true, false],
    ['qwen2', qwen2, { attention_bias: false }, true, false],
    ['qwen3', qwen3, {}, false, false],
    ['qwen3', qwen3, { attention_bias: true }, true, true],
  ])('%s with %j %j', (_, base, extra, qkvBias, outputBias) => {
    expect(load({ ...base, ...extra })).toMatchObject({ qkvBias, outputBias });
  });
});

test('Qwen 3 heads have 128 dimensions unless the config says otherwise', () => {
  expect(load(qwen3).headDim).toBe(128);
  expect(load({ ...qwen3, head_dim: 16 }).headDim).toBe(16);
});

describe('sliding windows', () => {
  const none = [null, null, null, null];
  const window = { sliding_window: 32 };
  const used = { sliding_window: 32, use_sliding_window: true };
  const types = ['sliding_attention', 'full_attention', 'sliding_attention', 'full_attention'];
  test.each<[string, object, object, (number | null)[]]>([
    ['llama', llama, window, none],
    ['mistral', mistral, window, [32, 32, 32, 32]],
    ['mistral', mistral, { sliding_window: null }, none],
    ['mistral', mistral, {}, [4096, 4096, 4096, 4096]],
    ['mistral', mistral, { ...window, layer_types: types }, [32, null, 32, null]],
    ['qwen2', qwen2, window, none],
    ['qwen2', qwen2, { ...window, use_sliding_window: false, layer_types: types }, none],
    ['qwen2', qwen2, { ...used, max_window_layers: 3 }, [null, null, null, 32]],
    ['qwen2', qwen2, { ...used, max_window_layers: 0 }, [32, 32, 32, 32]],
    ['qwen2', qwen2, used, none],
    ['qwen3', qwen3, { ...used, max_window_layers: 3, layer_types: types }, [32, null, 32, null]],
  ])('%s %# %j', (_, base, extra, expected) => {
    expect(load({ ...base, ...extra }).slidingWindows).toEqual(expected);
  });

  test('layer_types must fit the layers', () => {
    expect(refusal({ ...qwen2, layer_types: ['full_attention'] })).toContain(
      "'layer_types' must have one entry for each of 4 layers, found 1",
    );
    expect(refusal({ ...qwen2, layer_types: ['x', 'x', 'x', 'linear\nattention'] })).toContain(
      "'layer_types' entry 'x' is not supported",
    );
  });
});

describe('rope', () => {
  const llama3 = {
    rope_type: 'llama3',
    factor: 8,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 64,
  };
  const parsedLlama3 = {
    kind: 'llama3',
    factor: 8,
    lowFreqFactor: 1,
    highFreqFactor: 4,
    originalMaxPositionEmbeddings: 64,
  };
  const linear = { kind: 'linear', factor: 4 };
  test.each<[string, object, object]>([
    ['none', { rope_scaling: null }, { ropeScaling: null, ropeTheta: 10000, contextLen: 512 }],
    ['default', { rope_scaling: { rope_type: 'default' } }, { ropeScaling: null, contextLen: 512 }],
    ['linear', { rope_scaling: { type: 'linear', factor: 4 } }, { ropeScaling: linear, contextLen: 2048 }],
    [
      'linear of a stretched config',
      { rope_scaling: { rope_type: 'linear', factor: 4, original_max_position_embeddings: 128 } },
      { ropeScaling: linear, contextLen: 512 },
    ],
    [
      'llama3',
      { rope_scaling: llama3, rope_theta: 500000 },
      { ropeScaling: parsedLlama3, ropeTheta: 500000 },
    ],
    ['llama3 does not stretch', { rope_scaling: llama3 }, { contextLen: 512 }],
    [
      'new style',
      { rope_parameters: { ...llama3, rope_theta: 500000 } },
      { ropeScaling: parsedLlama3, ropeTheta: 500000, contextLen: 512 },
    ],
    [
      'new style, default',
      { rope_parameters: { rope_type: 'default', rope_theta: 1e6 } },
      { ropeScaling: null, ropeTheta: 1e6 },
    ],
    ['new style wins', { rope_theta: 5, rope_parameters: { rope_theta: 1e6 } }, { ropeTheta: 1e6 }],
  ])('%s', (_, extra, expected) => {
    expect(load({ ...llama, ...extra })).toMatchObject(expected);
  });

  test.each<[string, object, string]>([
    ['yarn', { rope_scaling: { type: 'yarn', factor: 4 } }, "rope_scaling of type 'yarn' is not supported"],
    [
      'dynamic',
      { rope_parameters: { rope_type: 'dynamic' } },
      "rope_parameters of type 'dynamic' is not supported",
    ],
    ['no factor', { rope_scaling: { type: 'linear' } }, "'rope_scaling.factor' is missing"],
    [
      'a factor of text',
      { rope_scaling: { type: 'linear', factor: '4' } },
      "'rope_scaling.factor' must be a number",
    ],
    [
      'a factor below 1',
      { rope_scaling: { type: 'linear', factor: 0.5 } },
      "'rope_scaling.factor' must be a number",
    ],
    ['a list', { rope_scaling: [] }, "'rope_scaling' must be an object, found '[]'"],
    [
      'half of llama3',
      { rope_scaling: { ...llama3, high_freq_factor: null } },
      "high_freq_factor' is missing",
    ],
    ['llama3 the wrong way round', { rope_scaling: { ...llama3, high_freq_factor: 1 } }, 'must be above'],
    ['a context beyond reason', { rope_scaling: { type: 'linear', factor: 1e9 } }, 'is too long'],
  ])('refuses %s', (_, extra, message) => {
    expect(refusal({ ...llama, ...extra })).toContain(message);
  });
});

test('the first name of the trained length counts', () => {
  expect(load({ ...llama, max_sequence_length: 100, model_max_length: 50 }).contextLen).toBe(100);
  expect(load({ ...llama, model_max_length: 50 })).toMatchObject({
    contextLen: 50,
    maxPositionEmbeddings: 512,
  });
});

test('dtype is read under both names', () => {
  expect(load({ ...llama, dtype: 'float16' }).torchDtype).toBe('float16');
  expect(load({ ...llama, torch_dtype: 'torch.bfloat16' }).torchDtype).toBe('bfloat16');
});

describe('generation_config.json', () => {
  test('adds end tokens and gives the sampling defaults', () => {
    const generation = {
      eos_token_id: [151645, 151643],
      do_sample: true,
      temperature: 0.7,
      top_p: 0.8,
      top_k: 20,
      min_p: null,
      repetition_penalty: 1.1,
    };
    expect(load({ ...qwen2, eos_token_id: 151645 }, {}, generation)).toMatchObject({
      eosTokenIds: [151643, 151645],
      generationDefaults: { temperature: 0.7, top_p: 0.8, top_k: 20, repetition_penalty: 1.1 },
    });
  });

  test('names itself when a field is wrong', () => {
    expect(refusal(qwen2, {}, { temperature: 'hot' })).toMatch(
      /\/generation_config\.json: 'temperature' must be a number, found 'hot'$/,
    );
    expect(refusal(qwen2, {}, [])).toMatch(/\/generation_config\.json: must be a JSON object$/);
  });
});

describe('overrides', () => {
  test('replace fields of the config', () => {
    expect(load(llama, { max_position_embeddings: 128, architectures: ['LlamaModel'] })).toMatchObject({
      contextLen: 128,
      architecture: 'LlamaModel',
    });
  });

  test('are named when they are wrong', () => {
    expect(refusal(llama, { vocab_size: 0 })).toBe(
      "--json-model-override-args: 'vocab_size' must be a whole number from 1 to 16777216, found '0'",
    );
  });
});

describe('refuses with one line', () => {
  test.each<[string, object | string, string]>([
    ['no JSON', '{"a":\n}', 'is not valid JSON'],
    ['a list', '[]', 'must be a JSON object'],
    ['an empty object', {}, "'architectures' is missing"],
    [
      'no architecture',
      { ...llama, architectures: [] },
      "'architectures' must be a list of at least one name, found '[]'",
    ],
    ['null for a size', { ...llama, hidden_size: null }, "'hidden_size' must be a whole number"],
    [
      'a size of text',
      { ...llama, hidden_size: '64' },
      "'hidden_size' must be a whole number from 1 to 16777216, found '64'",
    ],
    ['a negative size', { ...llama, vocab_size: -1 }, "'vocab_size' must be"],
    ['a fraction', { ...llama, num_hidden_layers: 1.5 }, "'num_hidden_layers' must be"],
    [
      'too many layers',
      { ...llama, num_hidden_layers: 1e9 },
      "'num_hidden_layers' must be a whole number from 1 to 4096",
    ],
    [
      'infinity',
      JSON.stringify({ ...llama, rms_norm_eps: 9 }).replace(':9', ':1e999'),
      "'rms_norm_eps' must be",
    ],
    [
      'kv heads that do not divide',
      { ...llama, num_key_value_heads: 3 },
      "must divide 'num_attention_heads' 8, found 3",
    ],
    ['no kv heads', { ...qwen2, num_key_value_heads: null }, "'num_key_value_heads' is missing"],
    [
      'heads that do not divide',
      { ...llama, hidden_size: 60 },
      "'hidden_size' must be a multiple of 'num_attention_heads' 8",
    ],
    ['an odd head', { ...llama, head_dim: 7 }, "'head_dim' must be even, found 7"],
    ['gelu', { ...llama, hidden_act: 'gelu' }, "'hidden_act' 'gelu' is not supported (silu is)"],
    [
      'a negative eos',
      { ...llama, eos_token_id: -1 },
      "'eos_token_id' must be a token id or a list of token ids",
    ],
    ['an eos of text', { ...llama, eos_token_id: [2, '</s>'] }, "'eos_token_id' must be"],
    [
      'a flag of text',
      { ...llama, tie_word_embeddings: 'yes' },
      "'tie_word_embeddings' must be true or false, found 'yes'",
    ],
    ['lines in a value', { ...llama, hidden_act: 'a\nb' }, "'a\\nb'"],
  ])('%s', (_, config, message) => {
    const text = refusal(config);
    expect(text).toContain(message);
    expect(text).toContain('/config.json: ');
  });

  test('a missing field names file and field', () => {
    const dir = folders.create({ 'config.json': { ...llama, vocab_size: undefined } });
    expect(() => loadModelConfig(dir, {})).toThrow(
      `${path.join(dir, 'config.json')}: 'vocab_size' is missing`,
    );
  });

  test('a missing file', () => {
    const dir = folders.create();
    expect(() => loadModelConfig(dir, {})).toThrow(`${path.join(dir, 'config.json')}: no such file`);
    expect(() => loadModelConfig('/nonexistent', {})).toThrow('/nonexistent: no such folder');
  });

  test('a file far too large', () => {
    expect(refusal(' '.repeat(5_000_000))).toContain('5000000 bytes are too many');
  });
});

test('a model type that objects know gets no defaults from them', () => {
  expect(load({ ...mistral, model_type: 'constructor' })).toMatchObject({ qkvBias: false, headDim: 8 });
});

test('whatever the fields hold, the config is loaded or refused', () => {
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 1 }),
    fc.constantFrom(0, 1, 2, 8, 64, 'llama', 'linear', null),
  );
  const fields = [
    ...[
      'architectures',
      'model_type',
      'hidden_size',
      'num_attention_heads',
      'num_key_value_heads',
      'head_dim',
    ],
    ...[
      'rope_scaling',
      'rope_parameters',
      'sliding_window',
      'layer_types',
      'eos_token_id',
      'torch_dtype',
      '__proto__',
    ],
  ];
  const dir = folders.create({ 'config.json': { ...mistral } });
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...fields), value, { maxKeys: 3 }), (overrides) => {
      try {
        expect(loadModelConfig(dir, overrides).slidingWindows).toHaveLength(4);
      } catch (error) {
        expect(error).toBeInstanceOf(StartupError);
      }
    }),
    { numRuns: 300 },
  );
});
