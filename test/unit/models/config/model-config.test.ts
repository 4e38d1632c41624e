import * as path from 'node:path';
import fc from 'fast-check';
import { StartupError } from '../../../../src/core/errors';
import { Folders } from '../../checkpoint/folders';
import { readModel } from '../../../../src/models/registry';
import { loadDecoderConfig } from './load';

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
  loadDecoderConfig(
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
    normOffset: 0,
    blockNorms: {
      attention: { before: 'input_layernorm', after: null },
      mlp: { before: 'post_attention_layernorm', after: null },
    },
    qkNorm: 'none',
    qkvClip: null,
    hiddenAct: 'silu',
    tieWordEmbeddings: false,
    qkvBias: false,
    outputBias: false,
    mlpBias: false,
    fusedProjections: false,
    experts: [],
    ropes: Array(4).fill({ theta: 10000, dims: 8, scaling: null }),
    attentionScale: null,
    attentionSoftcap: null,
    logitSoftcap: null,
    embeddingMultiplier: 1,
    residualMultiplier: 1,
    logitMultiplier: 1,
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
    ropes: Array(4).fill({ theta: 500000, dims: 16, scaling: null }),
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
  const yarn = {
    kind: 'yarn',
    factor: 4,
    betaFast: 32,
    betaSlow: 1,
    truncate: true,
    originalMaxPositionEmbeddings: 128,
    attentionFactor: 0.1 * Math.log(4) + 1,
  };
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
    [
      'yarn of a config that keeps the original length',
      { rope_scaling: { type: 'yarn', factor: 4, original_max_position_embeddings: 512 } },
      { ropeScaling: { ...yarn, originalMaxPositionEmbeddings: 512 }, contextLen: 2048 },
    ],
    [
      'yarn of a stretched config',
      { rope_scaling: { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 128 } },
      { ropeScaling: yarn, contextLen: 512 },
    ],
    [
      'yarn without a factor',
      { rope_scaling: { rope_type: 'yarn', original_max_position_embeddings: 128 } },
      { ropeScaling: yarn, contextLen: 512 },
    ],
    [
      'yarn with magnitudes that cancel',
      { rope_scaling: { rope_type: 'yarn', factor: 4, mscale: 1, mscale_all_dim: 1, truncate: false } },
      { ropeScaling: { kind: 'yarn', attentionFactor: 1, truncate: false } },
    ],
    [
      'longrope by its first name',
      {
        original_max_position_embeddings: 64,
        rope_scaling: { type: 'su', short_factor: [1, 1, 1, 1], long_factor: [2, 2, 2, 2] },
      },
      {
        ropeScaling: { kind: 'longrope', originalMaxPositionEmbeddings: 64, attentionFactor: Math.sqrt(1.5) },
        contextLen: 512,
      },
    ],
    ['dynamic: up to the trained length', { rope_scaling: { type: 'dynamic', factor: 4 } }, { contextLen: 512 }],
    ['new style wins', { rope_theta: 5, rope_parameters: { rope_theta: 1e6 } }, { ropeTheta: 1e6 }],
  ])('%s', (_, extra, expected) => {
    const config = load({ ...llama, ...extra });
    const [rope] = config.ropes;
    expect({ ...config, ropeTheta: rope?.theta, ropeScaling: rope?.scaling }).toMatchObject(expected);
  });

  test.each<[string, object, string]>([
    [
      'what nobody knows',
      { rope_scaling: { type: 'spiral', factor: 4 } },
      "rope_scaling of type 'spiral' is not supported",
    ],
    ['longrope without its lists', { rope_scaling: { type: 'longrope' } }, "'rope_scaling.short_factor' is missing"],
    [
      'a list of the wrong length',
      { rope_scaling: { type: 'longrope', short_factor: [1], long_factor: [1] } },
      "'rope_scaling.short_factor' must have 4 entries, found 1",
    ],
    ['a part that is odd', { partial_rotary_factor: 0.4 }, "'partial_rotary_factor' 0.4 does not rotate an even part"],
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
    ['no kv heads', { ...qwen2, num_key_value_heads: undefined }, "'num_key_value_heads' is missing"],
    [
      'heads that do not divide',
      { ...llama, hidden_size: 60 },
      "'hidden_size' must be a multiple of 'num_attention_heads' 8",
    ],
    ['an odd head', { ...llama, head_dim: 7 }, "'head_dim' must be even, found 7"],
    ['relu2', { ...llama, hidden_act: 'relu2' }, "'hidden_act' 'relu2' is not supported (silu, swish, gelu,"],
    ['a window of nothing', { ...mistral, sliding_window: 0 }, "'sliding_window' must be a whole number from 1 on"],
    [
      'a negative eos',
      { ...llama, eos_token_id: -2 },
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
    expect(() => loadDecoderConfig(dir, {})).toThrow(
      `${path.join(dir, 'config.json')}: 'vocab_size' is missing`,
    );
  });

  test('a missing file', () => {
    const dir = folders.create();
    expect(() => loadDecoderConfig(dir, {})).toThrow(`${path.join(dir, 'config.json')}: no such file`);
    expect(() => loadDecoderConfig('/nonexistent', {})).toThrow('/nonexistent: no such folder');
  });

  test('a file far too large', () => {
    expect(refusal(' '.repeat(5_000_000))).toContain('5000000 bytes are too many');
  });
});

describe('what says nothing', () => {
  test.each([
    ['null for kv heads', { num_key_value_heads: null }, { numKvHeads: 8 }],
    ['null for the size of heads', { head_dim: null }, { headDim: 8 }],
    ['null for the end', { eos_token_id: null }, { eosTokenIds: [] }],
    ['-1 for the end', { eos_token_id: -1 }, { eosTokenIds: [] }],
    ['-1 among the ends', { eos_token_id: [-1, 5] }, { eosTokenIds: [5] }],
    ['-1 for the beginning', { bos_token_id: -1 }, { bosTokenId: null }],
    ['a window of nothing that is off', { sliding_window: 0, use_sliding_window: false }, {}],
    ['null for the switch', { sliding_window: 32, use_sliding_window: null }, {}],
    ['null everywhere', { rope_scaling: null, rope_theta: null, hidden_act: null, tie_word_embeddings: null }, {}],
    ['null for a quantization', { quantization_config: null }, {}],
  ])('%s', (_, extra, expected) => {
    const slidingWindows = [null, null, null, null];
    expect(load({ ...qwen2, ...extra })).toMatchObject({ slidingWindows, ...expected });
  });
});

test('Gemma 3 in the form of transformers 4: a pattern of windows, two thetas, a length that is stretched already', () => {
  const config = load({
    ...mistral,
    architectures: ['Gemma3ForCausalLM'],
    model_type: 'gemma3_text',
    head_dim: 16,
    sliding_window: 32,
    sliding_window_pattern: 2,
    rope_theta: 1e6,
    rope_local_base_freq: 5000,
    rope_scaling: { rope_type: 'linear', factor: 8 },
    query_pre_attn_scalar: 16,
  });
  const local = { theta: 5000, dims: 16, scaling: null };
  const global = { theta: 1e6, dims: 16, scaling: { kind: 'linear', factor: 8 } };
  expect(config).toMatchObject({
    contextLen: 512,
    slidingWindows: [32, null, 32, null],
    ropes: [local, global, local, global],
    attentionScale: 0.25,
    attentionSoftcap: null,
    logitSoftcap: null,
    tieWordEmbeddings: true,
    normOffset: 1,
    hiddenAct: 'gelu_pytorch_tanh',
  });
});

describe('a config within a config', () => {
  const text = { ...llama, architectures: undefined, model_type: 'gemma3_text', head_dim: 16, num_key_value_heads: 2 };
  const whole = {
    architectures: ['Gemma3ForConditionalGeneration'],
    model_type: 'gemma3',
    eos_token_id: [1, 106],
    vision_config: { hidden_size: 1152 },
    text_config: { ...text, eos_token_id: null },
  };

  test('stands at the top, and the whole model says who it is', () => {
    expect(load(whole)).toMatchObject({
      architecture: 'Gemma3ForConditionalGeneration',
      modelType: 'gemma3',
      hiddenSize: 64,
      headDim: 16,
      eosTokenIds: [1, 106],
    });
    expect(load(whole, { max_position_embeddings: 128 }).contextLen).toBe(128);
  });

  test('must be an object', () => {
    expect(refusal({ ...whole, text_config: 5 })).toContain("'text_config' must be an object");
  });
});

describe('quantized weights', () => {
  test.each([
    ['quantization_config', { quant_method: 'gptq', bits: 3, group_size: 128 }, "'gptq' (3 bits) in this variant"],
    ['quantization_config', { quant_method: 'gptq', bits: 4, group_size: 128, desc_act: true }, "'gptq' (4 bits) in this variant"],
    ['quantization_config', { quant_method: 'gptq', bits: 4, group_size: -1 }, "'gptq' (4 bits) in this variant"],
    ['quantization_config', { quant_method: 'awq', bits: 4, group_size: 128, version: 'gemv' }, "'awq' (4 bits) in this variant"],
    ['quantization_config', { quant_method: 'fp8', activation_scheme: 'dynamic' }, "'fp8'"],
    ['quantization_config', { quant_method: 'compressed-tensors', format: 'pack-quantized' }, "'compressed-tensors' in this variant"],
    ['quantization_config', { quant_method: 'bitsandbytes', load_in_4bit: true }, "'bitsandbytes'"],
    ['quantization_config', { quant_method: 'mxfp4' }, "'mxfp4'"],
    ['quantization_config', { quant_algo: 'NVFP4' }, "'NVFP4'"],
    ['quantization_config', {}, "'unknown'"],
    ['compression_config', { format: 'int-quantized' }, "'int-quantized'"],
  ])('%s %j are refused by name, with what to use instead', (field, settings, scheme) => {
    expect(refusal({ ...llama, [field]: settings })).toMatch(
      new RegExp(
        `^\\S+/config\\.json: weights quantized with ${scheme.replace(/[()]/g, '\\$&')} are not supported \\('${field}'\\): use the checkpoint`,
      ),
    );
  });
});

test('an architecture that is not known is refused with those that are', () => {
  expect(refusal({ ...llama, architectures: ['GPT2LMHeadModel'] })).toMatch(
    /'GPT2LMHeadModel' is not supported.*LlamaForCausalLM/,
  );
  expect(refusal({ ...llama, architectures: ['toString'] })).toContain("'toString' is not supported");
});

test('a body without vocabulary projection serves vectors only', () => {
  const dir = folders.create({ 'config.json': { ...llama, architectures: ['LlamaModel'] } });
  expect(readModel(dir, {}, 'embedding').config.architecture).toBe('LlamaModel');
  expect(() => readModel(dir, {}, 'generation')).toThrow(
    'LlamaModel has no vocabulary projection, so it gives vectors only: serve it with --is-embedding',
  );
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
        expect(loadDecoderConfig(dir, overrides).slidingWindows).toHaveLength(4);
      } catch (error) {
        expect(error).toBeInstanceOf(StartupError);
      }
    }),
    { numRuns: 300 },
  );
});
